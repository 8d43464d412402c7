"""A model at a glance, from a small factory with two deployments."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ml_platform.declarations.in_production import Online
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.monitoring.drift_counts import DriftCounts, count_verdicts
from ml_platform.operations.online.due import TableAge
from ml_platform.operations.online.freshness import OnlineStatus
from ml_platform.project import Project
from ml_platform.reporting.overview.attention import Attention, find_attention, health_of
from ml_platform.reporting.overview.model_overview import ModelOverview, model_overview
from ml_platform.reporting.overview.simplest import Simplest
from ml_platform.reporting.overview.version_history import Rival
from ml_platform.reporting.overview.worth import Worth
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.failures import Failure
from ml_platform.storage.outputs import current_output
from tests.audit.verify.factory import MODEL, NOON, build_factory

NOW = NOON + timedelta(days=1, hours=12)


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return build_factory(tmp_path_factory.mktemp("factory"))


@pytest.fixture(scope="module")
def overview(factory: Project) -> ModelOverview:
    return model_overview(factory, MODEL, NOW)


def test_versions_are_listed_from_the_newest_with_since_when_each_was_live(overview: ModelOverview) -> None:
    newest, first = overview.versions
    assert (newest.number, newest.outcome, newest.since, newest.until) == (2, "live", NOON + timedelta(days=1), None)
    assert (first.number, first.outcome, first.since, first.until) == (1, "was live", NOON, NOON + timedelta(days=1))
    assert newest.text.startswith("version 2 is live since 2024-03-02: ")
    assert first.text.startswith("version 1 was live from 2024-03-01, replaced on 2024-03-02")
    assert overview.live == newest == overview.last_training
    assert newest.tested is not None
    assert newest.tested.unit == "EUR"


def test_the_short_text_leaves_out_what_a_reason_has_in_parentheses(overview: ModelOverview) -> None:
    reasons = ("30 % sure, needs 50 % (difference -2 EUR, from 15 days (worth 6 independent ones))", "auc (0.7) is met")
    version = replace(overview.versions[0], outcome="not deployed", reasons=reasons, rival=None)
    assert version.short_text == "version 2 was not deployed: 30 % sure, needs 50 %; auc (0.7) is met"
    beside = replace(version, rival=Rival(1, 120.5, -20.25, 1200, "2024-03-01", "2024-03-14", "EUR"))
    compared = "it earned 20.25 EUR less than version 1 on the same 1,200 rows of 2024-03-01 to 2024-03-14"
    assert beside.short_text == f"version 2 was not deployed: {compared}; 30 % sure, needs 50 %; auc (0.7) is met"
    assert replace(beside, outcome="live").short_text.startswith("version 2 is live since 2024-03-02: 30 % sure")
    kept_out = replace(beside, reasons=("its rollout was ended: errors",), is_kept_out=True)
    assert kept_out.short_text == f"version 2 was not deployed: its rollout was ended: errors; {compared}"


def test_as_of_an_earlier_instant_there_is_what_there_was(factory: Project) -> None:
    (first,) = model_overview(factory, MODEL, NOON + timedelta(hours=1)).versions
    assert (first.number, first.outcome, first.until) == (1, "live", None)


def test_before_a_label_is_known_the_test_rows_show_what_to_expect(overview: ModelOverview) -> None:
    assert overview.worth is None
    assert overview.worth_text.startswith("No label of a prediction is known yet. On its test rows it earned ")


def test_next_runs_follow_the_declared_schedules(overview: ModelOverview) -> None:
    assert overview.next_runs.batch > NOW
    assert overview.next_runs.training == datetime.fromisoformat("2024-03-04T03:00:00+00:00")
    text = "2024-03-04 03:00 UTC, or earlier, when drift is found 2 days or more after the last training"
    assert overview.next_runs.training_text == text


def test_each_trouble_is_named_once_and_decides_health(factory: Project, overview: ModelOverview) -> None:
    status, data = overview.status, overview.data
    assert status.monitoring is not None

    def troubles(**changed: object) -> list[tuple[bool, str]]:
        drift, worth = changed.pop("drift", None), changed.pop("worth", None)
        state = replace(status, **changed)  # type: ignore[arg-type]
        clean = tuple(replace(item, notes=()) for item in data)
        items = find_attention(factory, state, clean, None, worth, drift)  # type: ignore[arg-type]
        return [(item.urgent, item.what) for item in items]

    calm = replace(status.monitoring, unlearned_nulls={})
    assert troubles(missed=None, monitoring=calm) == []
    assert troubles(missed=None, monitoring=calm, waiting=3) == [(True, "version 3 waits for approval")]
    (gone,) = troubles(missed=None, monitoring=calm, champion=None)
    assert gone == (True, "no version is live: none met its gates and its release rule")
    lost = Worth(-50.0, -90.0, -10.0, None, 9, "2024-03-01", "2024-03-09", "EUR", "9 days")
    ((urgent, what),) = troubles(missed=None, monitoring=calm, worth=lost)
    assert urgent
    assert what.startswith("since deployment it earned 50.00 EUR less than doing nothing")
    drifted = replace(calm, drifted=("a.b", "c.d"))
    counts = DriftCounts(drifted=2, steady=1, undecided=0)
    (drift,) = troubles(missed=None, monitoring=drifted, drift=counts)
    assert drift == (False, "2 of 3 columns drifted, 1 did not: a.b, c.d")
    assert health_of(()) == "healthy"


def test_what_needs_a_person_comes_first(factory: Project, overview: ModelOverview) -> None:
    broken = (replace(overview.data[0], failed_checks=("expect_x",), notes=("1 row waits",)),)
    items = find_attention(factory, overview.status, broken, None, None, None)
    assert [item.urgent for item in items] == sorted((item.urgent for item in items), reverse=True)
    assert health_of(items) == "needs a person"
    assert health_of(tuple(item for item in items if not item.urgent)) == "worth a look"


def test_a_failed_check_has_its_figures_and_an_overdue_store_is_named_for_models_that_answer_requests(
    factory: Project, overview: ModelOverview
) -> None:
    texts = ("column_values_to_be_between_amount for 2 of 40 rows",)
    broken = (replace(overview.data[0], name="orders", failed_checks=("x",), failed_texts=texts, notes=()),)
    late = OnlineStatus((TableAge("courier_recent", NOW - timedelta(hours=3), NOW, overdue=True),), alerted=True)
    items = find_attention(factory, overview.status, broken, None, None, None, late)
    assert f"source orders failed {texts[0]}, so nothing that reads it is computed" in [item.what for item in items]
    assert not any("courier_recent is" in item.what for item in items)
    spec = factory.spec.models[MODEL]
    online = spec.model_copy(update={"deployment": spec.deployment.model_copy(update={"online": Online()})})
    changed = replace(factory, spec=replace(factory.spec, models={**factory.spec.models, MODEL: online}))
    items = find_attention(changed, overview.status, (), None, None, None, late)
    assert (
        Attention(
            True,
            "online predictions read old values: courier_recent is 3h late",
            "Look at the runs of publish_online_store in Dagster, then ml-platform run",
        )
        in items
    )


def test_a_node_that_failed_needs_a_person(factory: Project, overview: ModelOverview) -> None:
    failed = Failure("late_parcel/snapshot", NOW, "too few rows.")
    status = replace(overview.status, failures=(failed,))
    items = find_attention(factory, status, (), None, None, None)
    assert items[0].urgent
    assert items[0].what == f"late_parcel/snapshot failed at {NOW:%Y-%m-%d %H:%M} UTC: too few rows"


@pytest.mark.parametrize("verdicts", [[], ["drifted"], ["inconclusive", "too few rows", "not drifted", "drifted"] * 3])
def test_every_column_is_counted_once(verdicts: list[str]) -> None:
    counts = count_verdicts(verdicts)
    assert counts.columns == len(verdicts)
    assert counts.drifted == verdicts.count("drifted")
    assert counts.undecided == len([one for one in verdicts if one in ("inconclusive", "too few rows")])


def test_the_simplest_that_is_good_enough_is_the_first_within_a_share_of_the_best(
    factory: Project, overview: ModelOverview
) -> None:
    simplest, id = overview.simplest, current_output(factory.database, NodeName("evaluation", MODEL))
    assert simplest is not None
    assert id is not None
    contenders = EvaluationManifest.of(factory.store.get("evaluation", id)).contenders
    earned = {item.name: item.figures["value_vs_do_nothing"] or 0.0 for item in contenders}
    gains = {
        "doing nothing": 0.0,
        "rule": earned["baseline/rule"],
        "logistic_regression": earned["baseline/logistic_regression"],
        "version 2": earned["challenger"],  # it is live
        "version 1": earned["champion"],
    }
    assert dict(simplest.gains) == gains
    assert list(dict(simplest.gains)) == list(gains)
    assert simplest.simpler == ("rule", "logistic_regression")
    assert simplest.live == f"version {overview.live.number}" if overview.live else simplest.live is None
    best = max(gains.values())
    assert simplest.enough == next(name for name, gain in gains.items() if gain >= best - 0.02 * abs(best))
    assert overview.as_json()["simplest"]["enough"] == simplest.enough


@pytest.mark.parametrize(
    ("gains", "enough", "then"),
    [
        ((0.0, 99.0, 100.0, 101.0), "ridge", 'Declare "choose: simplest"'),
        ((0.0, 50.0, 100.0, 101.0), "version 1", "Nothing simpler is within 2 % of the best."),
        ((0.0, 50.0, 97.0, 101.0), "version 2", "It earned over 2 % more than version 1."),
        ((0.0, -50.0, -97.0, -1.0), "doing nothing", "None of them earns more than doing nothing."),
    ],
)
def test_what_follows_from_the_simplest(gains: tuple[float, ...], enough: str, then: str) -> None:
    names = ("doing nothing", "ridge", "version 1", "version 2")
    named = tuple(zip(names, gains, strict=True))
    simplest = Simplest(named, ("ridge",), "version 1", 0.02, 90, "2024-03-01", "2024-03-09", "EUR")
    assert simplest.enough == enough
    assert simplest.then.startswith(then)
