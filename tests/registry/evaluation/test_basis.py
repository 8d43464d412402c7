"""What an interval rests on is shown wherever it is, and so is why there is none."""

import numpy as np
import pytest
from rich.text import Text

from ml_platform.cli.model_details import _contender_figures
from ml_platform.registry.evaluation.basis import basis_text, interval_text
from ml_platform.registry.evaluation.intervals import earnings
from ml_platform.registry.evaluation.reasons import shortfalls
from ml_platform.registry.evaluation.release_rules import Requirement, judge_release
from ml_platform.reporting.plots.pictures import value_by_contender
from ml_platform.storage.artifact_kinds.evaluation import Comparison, ContenderResult, ReleaseFacts
from ml_platform.storage.artifact_kinds.figures import IntervalBasis

FEW = IntervalBasis(days=3, declined="too few days: 3, at least 4 are needed")


def test_clusters_that_know_less_than_their_number_report_it():
    assert basis_text(IntervalBasis(days=14, effective_days=14.0)) == "14 days"
    assert basis_text(IntervalBasis(days=14, effective_days=6.24)) == "14 days (worth 6.2 independent ones)"
    shops = IntervalBasis(days=28, effective_days=27.5, entities=2469, effective_entities=1200.4)
    assert basis_text(shops) == "28 days, 2,469 entities (worth 1,200)"


def test_an_interval_is_shown_with_its_basis_and_note_or_with_the_reason_why_there_is_none():
    basis = IntervalBasis(days=7, effective_days=3.0, note="wide on purpose")
    shown = interval_text(-3.5, 12.25, basis)
    assert shown == "95 % interval −3.50 to 12.25 from 7 days (worth 3.0 independent ones); wide on purpose"
    assert interval_text(None, None, FEW) == FEW.declined


def test_a_declined_comparison_keeps_the_champion_with_its_reason():
    line = Comparison(other="champion", difference=2.0, declined=FEW.declined, basis=FEW)
    facts = ReleaseFacts(rule="refresh", days=14, gain=2.0, champion_gain=1.0)
    release = judge_release(facts, [Requirement("champion", 0.5)], {"champion": line})
    assert release.passed is False
    assert shortfalls([], release, "EUR") == ["too few days: 3, at least 4 are needed"]


@pytest.mark.slow
def test_run_and_picture_show_a_declined_interval():
    figures = {"value_vs_do_nothing": 6.0, "value_vs_do_nothing_low": None, "value_vs_do_nothing_high": None}
    figures |= {"rows": 9, "auc": 0.5}
    item = ContenderResult(
        name="challenger", role="challenger", id="a" * 64, figures=figures, actions=None, interval=FEW
    )
    assert _contender_figures(item, "auc") == (
        "0.500",
        "6",
        Text("too few days: 3, at least 4 are needed", "dim"),
    )
    assert value_by_contender([item], "EUR").startswith(b"\x89PNG")


def test_the_basis_is_that_of_the_interval():
    draw = np.random.default_rng(1)
    interval = earnings({"a": draw.normal(size=80)}, np.repeat(np.arange(8), 10)).per_row("a")
    total = interval.times(80)
    assert (total.low, total.high) == (interval.low * 80, interval.high * 80)
    assert total.basis() == interval.basis()
    assert basis_text(total.basis()).startswith("8 days (worth ")
