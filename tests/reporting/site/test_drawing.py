"""Axes end at round numbers, and charts say in words what they show."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.reporting.overview.worth import DayWorth
from ml_platform.reporting.site.day_chart import day_chart
from ml_platform.reporting.site.dependence_chart import dependence_chart
from ml_platform.reporting.site.drawing import Axis
from ml_platform.reporting.site.score_charts import calibration_chart
from ml_platform.storage.artifact_kinds.behavior import InputDependence
from ml_platform.storage.artifact_kinds.evaluation import CalibrationBin

FIGURES = st.lists(
    st.floats(-1e9, 1e9).filter(lambda figure: figure == 0 or abs(figure) > 1e-6), min_size=1, max_size=8
)


@given(FIGURES)
def test_an_axis_holds_every_figure_and_has_a_few_round_ticks(figures: list[float]) -> None:
    axis = Axis.around(figures, 100.0, 0.0, with_zero=True)
    slack = 1e-6 * (axis.high - axis.low)
    assert axis.low <= min(0.0, *figures) + slack
    assert axis.high >= max(0.0, *figures) - slack
    assert 2 <= len(axis.ticks) <= 8
    step = axis.ticks[1] - axis.ticks[0]
    leading = step / 10.0 ** math.floor(math.log10(step) + 1e-9)
    assert min(abs(leading - round_one) for round_one in (1, 2, 5)) < 1e-6


def test_a_day_without_predictions_is_a_gap_and_each_version_has_its_mark() -> None:
    days = (DayWorth("2024-03-01", 5, 100.0, 80.0), DayWorth("2024-03-04", 5, -50.0, 20.0))
    drawn = day_chart(days, (("2024-02-01", 1), ("2024-03-04", 2)), "EUR")
    assert (drawn.count('class="up"'), drawn.count('class="down"')) == (1, 1)
    assert "version 1" in drawn
    assert "version 2" in drawn
    earned = "earned 50.00 EUR more than doing nothing (assumed); 100 EUR expected"
    sentence = f"2 days from 2024-03-01 to 2024-03-04: {earned}"
    assert sentence in drawn
    # Four slots of (712 - 62) / 4: the bars stand in the middle of the first and of the last.
    assert 'x="127.2"' in drawn
    assert 'x="614.8"' in drawn


def test_perfect_scores_lie_on_the_line_and_the_description_states_it() -> None:
    drawn = calibration_chart([CalibrationBin(score=share, share=share, rows=5) for share in (0.1, 0.4)])
    assert "the largest distance is 0 %" in drawn


@pytest.mark.parametrize(
    ("item", "bars"),
    [
        (InputDependence(column="x", ordered=True, values=(1.0, 2.0), scores=(0.1, 0.2)), 0),
        (InputDependence(column="x", ordered=False, values=("a", "b"), scores=(0.1, 0.2)), 2),
        (
            InputDependence(
                column="x", ordered=True, values=("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"), scores=(0.1, 0.1)
            ),
            0,
        ),
    ],
)
def test_numbers_and_instants_are_a_line_and_other_values_are_bars(item: InputDependence, bars: int) -> None:
    drawn = dependence_chart(item, (0.1, 0.2), "", shares=True)
    assert drawn.count("<rect") == bars
    assert "mean prediction from 10.0 % to" in drawn


@pytest.mark.parametrize(
    ("values", "ordered", "lines", "words"),
    [((1.0, 2.0), True, 6, "c7 from 7.0 % to 14.0 %"), (("red", "blue"), False, 0, ">blue<")],
)
def test_several_classes_are_lines_or_a_table_of_those_that_change_most(
    values: tuple[object, ...], ordered: bool, lines: int, words: str
) -> None:
    by_class: dict[str, tuple[float, ...]] = {f"c{number}": (0.01 * number, 0.02 * number) for number in range(8)}
    item = InputDependence(column="x", ordered=ordered, values=values, scores=(0.1, 0.2), by_class=by_class)
    assert item.drawn == tuple(score for curve in by_class.values() for score in curve)
    drawn = dependence_chart(item, (0.0, 0.2), "", shares=True)
    assert drawn.count('class="line') == lines
    assert "Probability of each class by x" in drawn
    assert ">c7<" in drawn
    assert ">c0<" not in drawn
    assert words in drawn
