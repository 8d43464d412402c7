"""The card of a model, from a small factory with two deployments."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ml_platform.project import Project
from ml_platform.reporting.card.model_card import ModelCard, model_card
from ml_platform.reporting.overview.complexity import complexity_sentences
from ml_platform.reporting.overview.model_overview import model_overview
from ml_platform.reporting.overview.worth import DayWorth, Worth
from ml_platform.storage.artifact_kinds.behavior import BehaviorManifest
from ml_platform.storage.artifact_kinds.evaluation import ChallengerAhead
from ml_platform.storage.artifact_kinds.trained_model import Rung
from ml_platform.storage.versions import versions
from tests.audit.verify.factory import MODEL, NOON, build_factory, copy_factory

NOW = NOON + timedelta(days=1, hours=12)


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return build_factory(tmp_path_factory.mktemp("factory"))


@pytest.fixture(scope="module")
def card(factory: Project) -> ModelCard:
    return model_card(factory, model_overview(factory, MODEL, NOW))


def test_the_card_is_about_the_live_version_and_names_what_its_figures_come_from(
    factory: Project, card: ModelCard
) -> None:
    assert card.version is not None
    assert (card.version.number, card.is_live) == (2, True)
    assert set(card.evidence) == {"trained model", "snapshot", "evaluation", "monitoring"}
    assert card.evidence["trained model"] == versions(factory, MODEL)[1].id
    assert [number for _, number in card.deployed] == [1, 2]
    assert isinstance(card.behavior, BehaviorManifest)
    assert card.problems == ()


def test_actions_count_each_test_row_once_and_add_up_to_the_gain_of_the_evaluation(card: ModelCard) -> None:
    assert card.behavior is not None
    assert card.evaluation is not None
    assert sum(item.rows for item in card.actions) == card.behavior.rows
    if card.evaluation.rows_valued == card.behavior.rows:  # no question is asked twice on these rows
        gain = card.evaluation.contenders[0].gain
        assert sum(item.gain for item in card.actions) == pytest.approx(gain)
    else:
        pytest.fail("the factory asks each question once")


def test_shown_days_and_those_before_them_add_up_to_the_sum_since_deployment(card: ModelCard) -> None:
    """Of 5 predictions that earned 9.00 where 8.00 was expected, 3 on shown days earned 3.50 where 4.00 was."""
    worth = Worth(9.0, 1.0, 20.0, 8.0, 5, "2024-01-01", "2024-03-02", "EUR", "9 days")
    days = (DayWorth("2024-03-01", 1, 2.5, 3.0), DayWorth("2024-03-02", 2, 1.0, 1.0))
    long = replace(card, overview=replace(card.overview, worth=worth), days=days)
    assert long.earlier_days == DayWorth("before 2024-03-01", 2, 5.5, 4.0)
    measured = replace(long, overview=replace(card.overview, worth=replace(worth, held_out=30)))
    assert measured.earlier_days is None, "a measured effect is that of all days together"
    assert replace(long, overview=replace(card.overview, worth=replace(worth, rows=3))).earlier_days is None


def test_a_card_of_an_earlier_version_has_the_figures_of_that_version(factory: Project, card: ModelCard) -> None:
    first = model_card(factory, model_overview(factory, MODEL, NOW), 1)
    assert first.version is not None
    assert (first.version.number, first.is_live) == (1, False)
    assert first.evidence["trained model"] == versions(factory, MODEL)[0].id
    assert first.evidence["evaluation"] != card.evidence["evaluation"]


def test_limits_name_rows_period_and_what_is_not_known(card: ModelCard) -> None:
    text = " ".join(card.limits)
    assert "It was fitted on " in text
    assert "knows nothing after 2024-0" in text
    assert "Earnings on test rows are an assumed effect" in text
    assert "slices" in text


def test_a_snapshot_that_is_gone_costs_the_figures_that_need_it_and_no_others(
    factory: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = copy_factory(factory, tmp_path_factory.mktemp("copy") / "shop")
    snapshot = versions(copy, MODEL)[1].snapshot
    for path in (copy.state / "store").rglob(f"*{snapshot}*"):
        path.unlink()
    actual = model_card(copy, model_overview(copy, MODEL, NOW))
    assert actual.behavior is None
    assert actual.actions == ()
    assert snapshot[:12] in actual.problems[0]
    assert actual.evaluation is not None


def test_the_card_has_what_the_version_earned_more_a_row_than_what_is_simpler(card: ModelCard) -> None:
    assert card.evaluation is not None
    challenger, rows = card.evaluation.contenders[0], card.evaluation.rows_valued
    others = [item for item in card.evaluation.contenders if item.role == "baseline"]
    assert [item.name for item in others] == ["baseline/rule", "baseline/logistic_regression"]
    assert len(card.complexity) == 2
    for item, text in zip(others, card.complexity, strict=True):
        more = (challenger.gain - item.gain) / rows
        amount = f"{abs(more):.{2 if abs(more) >= 1 else 3}f}"
        name = item.name.removeprefix("baseline/")
        assert text.startswith(f"lightgbm earned {amount} EUR a row {'more' if more > 0 else 'less'} than {name} (95 %")
        ahead = item.challenger_ahead
        assert ahead is not None
        assert ahead.low is not None
        assert ahead.high is not None
        unsure = ahead.low <= 0 <= ahead.high
        assert (f"{name} is simpler, and may be enough" in text) == unsure


def test_of_a_chosen_simple_version_the_declared_algorithm_is_not_called_simpler(card: ModelCard) -> None:
    assert card.evaluation is not None
    ahead = ChallengerAhead(per_row=0.5, probability=0.9, low=-0.1, high=1.1)
    rungs = (Rung(name="rule", gain=1.0), Rung(name="lightgbm", gain=1.01))
    choice: Any = SimpleNamespace(chosen="rule", rungs=rungs)
    trained: Any = SimpleNamespace(choice=choice, baselines=())
    declared = card.evaluation.contenders[1].but(name="declared_algorithm", role="baseline", challenger_ahead=ahead)
    evaluation = card.evaluation.but(contenders=(declared,))
    assert list(complexity_sentences(trained, evaluation)) == [
        "rule earned 0.500 EUR a row more than lightgbm (95 % interval −0.100 to 1.10)."
    ]
