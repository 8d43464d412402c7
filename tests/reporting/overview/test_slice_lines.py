"""Slices as people read them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ml_platform.reporting.overview.slice_lines import slice_lines
from ml_platform.storage.artifact_kinds.evaluation import SliceResult
from ml_platform.storage.artifact_kinds.figures import BasedFigure


def _evaluation(slices: Any) -> Any:
    return SimpleNamespace(currency="EUR", slices=slices)


def _ahead(figure: float, low: float | None, high: float | None, declined: str | None = None) -> BasedFigure:
    return BasedFigure(figure=figure, low=low, high=high, declined=declined)


@pytest.mark.parametrize(
    ("ahead", "verdict", "interval"),
    [
        (_ahead(1500, 100, 2900), "gains", "100 to 2,900"),
        (_ahead(-1500, -2900, -100), "loses", "−2,900 to −100"),
        (_ahead(5, -10, 20), "not certain", "−10 to 20"),
        (_ahead(0, 0, 0), "the same", "0 to 0"),
        (_ahead(5, None, None, "too few days: 3"), "too few rows", "too few days: 3"),
    ],
)
def test_a_slice_has_a_verdict_where_it_is_sure(ahead: BasedFigure, verdict: str, interval: str) -> None:
    (line,) = slice_lines(_evaluation([SliceResult(name="large", rows=7, days=3, do_nothing=ahead)]))
    assert (line.verdict, line.interval, line.champion) == (verdict, interval, "")


def test_the_largest_loss_is_first_and_a_champion_that_is_surely_better_is_marked() -> None:
    small = SliceResult(name="small", rows=9, days=3, do_nothing=_ahead(50, 10, 90), champion=_ahead(-5, -9, -1))
    large = SliceResult(name="large", rows=7, days=3, do_nothing=_ahead(-50, -90, 5), champion=_ahead(2, -1, 5))
    lines = slice_lines(_evaluation([small, SliceResult(name="none", rows=0, days=0), large]))
    assert [line.name for line in lines] == ["large", "none", "small"]
    assert [line.champion for line in lines] == ["2 EUR", "", "−5 EUR, below"]
    assert slice_lines(_evaluation(None)) == ()
