"""Small pictures: well-formed, narrow enough for the page, with each figure where its scale says."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.reporting.overview.worth import DayWorth
from ml_platform.reporting.plots.small_pictures import small_drift_pictures, small_worth_picture
from ml_platform.reporting.plots.small_svg import WIDTH, Bar, Column, Line, bars, columns, dots, lines
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from tests.reporting.drift_column import drift_column

FIGURE = st.floats(-1e9, 1e9, allow_nan=False)
SVG = "{http://www.w3.org/2000/svg}"


def root(picture: bytes) -> ElementTree.Element:
    picture_root = ElementTree.fromstring(picture)
    assert picture_root.get("width") == str(WIDTH)
    return picture_root


def numbers(picture: bytes) -> list[float]:
    """All horizontal places of rectangles and circles."""
    places = [
        item.get("x") or item.get("cx") for item in root(picture).iter() if item.tag in (f"{SVG}rect", f"{SVG}circle")
    ]
    return [float(place) for place in places if place is not None]


@given(st.lists(st.tuples(st.text(max_size=60), FIGURE), min_size=1, max_size=8), st.text(max_size=80))
def test_any_names_and_figures_give_xml_within_its_width(rows: list[tuple[str, float]], title: str) -> None:
    texts = [name for name, _ in rows]
    drawn = [
        bars(title, [Bar(name, value, "1", low=value - 1, high=value + 1) for name, value in rows], limit=1.0),
        lines(title, ("a", "b"), [Line(name, [value, None, -value]) for name, value in rows]),
        columns(title, ("a", "b"), [Column(abs(value)) for _, value in rows], [(name, "#000") for name in texts]),
    ]
    for picture in drawn:
        assert all(0 <= place <= WIDTH for place in numbers(picture))


def test_a_bar_is_as_long_as_its_figure_beside_the_others() -> None:
    picture = bars("Gain", [Bar("a", 10.0, "10", "#111111"), Bar("b", 5.0, "5", "#222222")])
    width = {item.get("fill"): float(item.get("width", "0")) for item in root(picture).iter(f"{SVG}rect")}
    assert width["#222222"] == pytest.approx(width["#111111"] / 2, abs=0.1)


def test_a_line_adds_up_day_by_day_and_ends_at_the_greatest_place_for_the_greatest_sum() -> None:
    days = [
        DayWorth("2024-03-01", 5, 10.0, 4.0),
        DayWorth("2024-03-02", 5, -30.0, 4.0),
        DayWorth("2024-03-03", 5, 40.0, 4.0),
    ]
    picture = small_worth_picture(days, "EUR").decode()
    earned = next(path for path in re.findall(r'd="M([^"]*L[^"]*)"', picture))
    heights = [float(point.split()[1]) for point in earned.split("L")]
    # sums 10, -20, 20 of a scale from -20 to 20: three quarters up, at the bottom, at the top
    low, high = max(heights), min(heights)
    assert [(low - height) / (low - high) for height in heights] == pytest.approx([0.75, 0.0, 1.0], abs=0.01)
    assert "Realized gain over doing nothing" in picture
    assert "EUR, added up (assumed effect); 15 predictions" in picture
    assert "2024-03-01" in picture


def test_the_line_below_a_title_fits_the_picture_for_a_million_predictions() -> None:
    picture = small_worth_picture([DayWorth("2024-03-01", 1_234_567, 10.0, 4.0)], "EUR").decode()
    note = next(text for text in re.findall(r">([^<]*)</text>", picture) if "predictions" in text)
    letter = 5.8  # pixels on average, as a browser draws this line
    assert 12 + letter * len(note) <= 320


def test_an_expectation_that_is_not_known_on_each_day_is_not_drawn() -> None:
    days = [DayWorth("2024-03-01", 5, 10.0, None), DayWorth("2024-03-02", 5, 1.0, 4.0)]
    assert b"expected" not in small_worth_picture(days, "EUR")


def test_dots_on_the_diagonal_are_on_the_line_of_perfect_calibration() -> None:
    picture = root(dots("Calibration", [(0.1, 0.1), (0.2, 0.2)]))
    rows = [(float(item.get("cx", "0")), float(item.get("cy", "0"))) for item in picture.iter(f"{SVG}circle")]
    dashed = next(item for item in picture.iter(f"{SVG}path") if item.get("stroke-dasharray"))
    (x0, y0), (x1, y1) = (tuple(map(float, point.split())) for point in str(dashed.get("d"))[1:].split("L"))
    for x, y in rows:
        assert y == pytest.approx(y0 + (y1 - y0) * (x - x0) / (x1 - x0), abs=0.2)


def test_a_look_without_a_verdict_has_no_picture_and_drift_counts_in_one_way() -> None:
    def look(*verdicts: str) -> MonitoringManifest:
        columns = tuple(
            drift_column(f"t.{number}", verdict, ratio=3.0 if verdict == "drifted" else 0.0)
            for number, verdict in enumerate(verdicts)
        )
        return MonitoringManifest.model_construct(
            model="m", at="2024-03-01T00:00:00Z", verdict="x", reason="x", columns=columns
        )

    assert small_drift_pictures(look("too few rows", "inconclusive")) == {}
    (picture,) = small_drift_pictures(look("drifted", "not drifted", "inconclusive")).values()
    assert b"1 of 3 columns drifted" in picture
