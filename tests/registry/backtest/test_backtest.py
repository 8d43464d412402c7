"""A backtest is a loop over the raw rows, knows nothing after an origin, and finds the decay that a world was given."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from ml_platform.core.errors import EvaluationError
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.declarations.node_kinds.backtest import BacktestOptions
from ml_platform.project import Project
from ml_platform.registry.backtest.backtest import backtest_model
from ml_platform.registry.backtest.origins import known_at, origins_of
from ml_platform.registry.studied import study_key
from ml_platform.reporting.overview.backtest_lines import backtest_sentences
from ml_platform.storage.artifact_kinds.backtest import BacktestManifest
from tests.registry.backtest.meters import (
    HORIZON,
    NOW,
    START,
    days_since_start,
    with_snapshot,
    write_meters,
    write_rows,
)

pytestmark = pytest.mark.slow
OPTIONS = BacktestOptions(origins=5, every=timedelta(days=7), seeds=1)
SLOPE = 0.04
END = (NOW - HORIZON - START) / timedelta(days=1)


def drifting(day: np.ndarray) -> np.ndarray:
    return 1 + SLOPE * day


@pytest.fixture(scope="module")
def drift(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str, pd.DataFrame, BacktestManifest]:
    folder, rows = write_meters(tmp_path_factory.mktemp("drift"), drifting)
    project, snapshot = with_snapshot(folder)
    return project, snapshot, rows, backtest_model(project, "reading", snapshot, OPTIONS)


def by_hand(rows: pd.DataFrame) -> tuple[list[float], list[float], list[float]]:
    """Return the gain of a row by origin, the loss by age, and what each schedule earned more in sixty weeks."""
    at, whole = days_since_start(rows["asked_at"]), 84 + 7 + 28
    inputs, truth = rows[["x", "noise"]], rows["reading"].to_numpy()
    origins, before = [END - 7 * back for back in (5, 4, 3, 2, 1)], whole - 35
    earned = []
    for origin in origins:
        fitted = (at > origin - before) & (at <= origin - 7 - 2)
        model = LinearRegression().fit(inputs[fitted], truth[fitted])
        earned.append(20 - (truth - model.predict(inputs)) ** 2)
    nothing = 20 - truth**2
    weeks = [(at > origin) & (at <= origin + 7) for origin in origins]
    gains = [float((earned[place] - nothing)[week].mean()) for place, week in enumerate(weeks)]
    losses = []
    for age in (1, 2, 3, 4):
        parts = [(earned[place] - earned[place - age])[weeks[place]] for place in range(age, 5)]
        losses.append(float(np.concatenate(parts).mean()))
    weekly, by_age, more = sum(week.sum() for week in weeks) / 5, [0.0, *losses], []
    for step in (1, 2, 3, 4):
        lost = [np.mean([by_age[week % length] for week in range(60)]) for length in (5, step)]
        more.append(float(weekly * (lost[0] - lost[1])))
    return gains, losses, more


def test_every_figure_is_that_of_a_loop_over_the_raw_rows(
    drift: tuple[Project, str, pd.DataFrame, BacktestManifest],
) -> None:
    _, _, rows, about = drift
    gains, losses, more = by_hand(rows)
    assert [item.gain.figure for item in about.origins] == pytest.approx(gains, rel=1e-9)
    assert [item.loss.figure for item in about.ages] == pytest.approx(losses, rel=1e-9)
    assert [item.more.figure for item in about.schedules] == pytest.approx(more, rel=1e-9)
    assert [item.days for item in about.ages] == [7, 14, 21, 28]
    assert [item.days for item in about.schedules] == [7, 14, 21, 28]


def test_a_weight_that_drifts_costs_what_follows_by_algebra(
    drift: tuple[Project, str, pd.DataFrame, BacktestManifest],
) -> None:
    """A weight w + s t, fitted over a window whose middle lies m days back, misses s (m + age) on a row of age 0."""
    about = drift[3]
    middle = (84 - 2 - 7) / 2 + 7 + 2
    for item in about.ages:
        inside = np.arange(0, 7, 0.01)
        expected = SLOPE**2 * np.mean((middle + inside + item.days) ** 2 - (middle + inside) ** 2)
        low, high = item.loss.low, item.loss.high
        assert low is not None
        assert high is not None
        assert low < expected < high
        assert low > 0
    sentences = backtest_sentences(about)
    assert sentences[1].startswith("Retraining every 7 days earned ")
    assert "more a week than not retraining for 35 days" in sentences[1]
    assert "luck alone does not explain this" in sentences[1]
    assert sentences[2].startswith("A model that is 7 days old earns ")


def test_without_drift_no_age_is_surely_worse(tmp_path: Path) -> None:
    folder, _ = write_meters(tmp_path / "still", lambda day: np.full_like(day, 2.0))
    project, snapshot = with_snapshot(folder)
    about = backtest_model(project, "reading", snapshot, OPTIONS)
    for item in (*[age.loss for age in about.ages], *[schedule.more for schedule in about.schedules]):
        assert item.low is not None
        assert item.high is not None
        assert item.low < 0 < item.high
    assert "this could be luck" in backtest_sentences(about)[1]
    assert "it is not certain that an older model earns less" in backtest_sentences(about)[2]


def test_what_became_known_after_an_origin_changes_nothing_that_is_fitted_at_it(tmp_path: Path) -> None:
    folder, rows = write_meters(tmp_path / "world", drifting, a_day=20)
    project, snapshot = with_snapshot(folder)
    model = project.spec.models["reading"]
    origin = origins_of(model, load_snapshot(project, snapshot).boundaries, OPTIONS)[0]
    later = pd.to_datetime(rows["known_at"]) > origin.test_start
    changed = rows.assign(reading=np.where(later, -999.0, rows["reading"]))
    other, _ = write_meters(tmp_path / "changed", drifting, a_day=20)
    write_rows(other, changed)
    parts = []
    for opened, id in ((project, snapshot), with_snapshot(other)):
        source = opened.store.get("snapshot", id).inputs["sources/readings"]
        frame = load_snapshot(opened, id, with_purged=True).frame
        parts.append(known_at(opened, model, source, frame, origin))
    for first, second in zip(*parts, strict=True):
        pd.testing.assert_frame_equal(first, second)
        assert (first["effective_time"] + HORIZON <= origin.test_start).all()
    assert later.any()
    train, validate = parts[0]
    assert (train["effective_time"] + HORIZON <= origin.validate_start).all()
    assert len(validate) > 50


def test_a_label_that_was_not_known_at_the_origin_is_not_fitted_although_the_snapshot_has_it(tmp_path: Path) -> None:
    """With ``missing: negative`` no answer means no, once the source is known to be complete: after an outage it is."""
    folder, rows = write_meters(tmp_path / "world", drifting, a_day=20)
    file = folder / "models/reading.yaml"
    text = (
        file.read_text().replace("task: regression", "task: binary").replace("linear_regression", "logistic_regression")
    )
    text = text.replace("expression: reading,", "expression: reading > 0, missing: negative,")
    payoffs = '  actions: {act: "label - 0.5", wait: "0"}\n  do_nothing: wait\n'
    head, _, rest = text.partition("  payoff:")
    file.write_text(head + payoffs + rest.partition('do_nothing: "0"\n')[2])
    outage = pd.to_datetime(rows["asked_at"]).between("2024-04-18T00:00:00Z", "2024-04-26T00:00:00Z")
    answered = rows[~outage]
    answered[["request_id", "read_at", "known_at", "reading"]].to_csv(folder / "data/readings.csv", index=False)
    project, snapshot = with_snapshot(folder)
    model, read = project.spec.models["reading"], load_snapshot(project, snapshot, with_purged=True)
    origin = origins_of(model, read.boundaries, OPTIONS)[0]
    assert f"{origin.test_start:%Y-%m-%d}" == "2024-04-25"
    source = project.store.get("snapshot", snapshot).inputs["sources/readings"]
    parts = known_at(project, model, source, read.frame, origin)
    newest_known = pd.Timestamp("2024-04-18T00:00:00Z") + timedelta(hours=6)
    fitted = pd.concat(parts)["effective_time"]
    assert fitted.max() <= newest_known - HORIZON + timedelta(hours=1)
    effective = read.frame["effective_time"]
    in_snapshot = (effective > fitted.max()) & (effective <= pd.Timestamp(origin.test_start) - HORIZON)
    assert in_snapshot.sum() > 50


def test_too_many_origins_are_refused_with_how_many_fit(
    drift: tuple[Project, str, pd.DataFrame, BacktestManifest],
) -> None:
    project, snapshot, _, _ = drift
    with pytest.raises(EvaluationError, match=r"16 origins 7d apart leave 7 .* Take at most 15 origins"):
        backtest_model(project, "reading", snapshot, BacktestOptions(origins=16, every=timedelta(days=7)))


def test_the_key_changes_with_the_options_and_with_what_a_row_earns(
    drift: tuple[Project, str, pd.DataFrame, BacktestManifest],
) -> None:
    project, snapshot, _, _ = drift
    keys = {study_key("backtest", project, "reading", snapshot, BacktestOptions(origins=count)) for count in (3, 4)}
    model = project.spec.models["reading"]
    assert model.value.payoff is not None
    value = model.value.model_copy(update={"payoff": f"1 + {model.value.payoff}"})
    other = project.spec.models | {"reading": model.model_copy(update={"value": value})}
    object.__setattr__(project.spec, "models", other)
    keys.add(study_key("backtest", project, "reading", snapshot, BacktestOptions(origins=3)))
    object.__setattr__(project.spec, "models", project.spec.models | {"reading": model})
    assert len(keys) == 3
