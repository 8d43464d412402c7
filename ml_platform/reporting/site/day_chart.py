"""What a model earned day by day, beside what was expected, with the days on which versions became live."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from markupsafe import Markup

from ml_platform.core.formatting import amount_text, money_text
from ml_platform.reporting.overview.worth import DayWorth
from ml_platform.reporting.site.drawing import Axis, frame, path, rules, text

_WIDTH, _HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 712, 24, 190
_THICKEST = 32


def day_chart(days: Sequence[DayWorth], deployed: Sequence[tuple[str, int]], unit: str) -> Markup:
    """Return a bar for what each day earned more than doing nothing, and a line for what was expected.

    Parameters
    ----------
    deployed
        When versions became live, as UTC day and number.
    """
    first, last = (date.fromisoformat(days[end].day) for end in (0, -1))
    slots = (last - first).days + 1
    width = (_RIGHT - _LEFT) / slots
    expected = [day.expected for day in days if day.expected is not None]
    axis = Axis.around([*(day.gain for day in days), *expected], _BOTTOM, _TOP, with_zero=True)

    def at(day: str) -> float:
        return _LEFT + width * ((date.fromisoformat(day) - first).days + 0.5)

    shown = _shown(deployed, days[0].day, days[-1].day)
    drawn = [
        *rules(axis, _LEFT, _RIGHT, map(money_text, axis.ticks)),
        *(_bar(day, at(day.day), width, axis) for day in days),
        *_expected(days, at, axis),
        *(mark for day, number in shown for mark in _mark(at(day) - width / 2, number)),
        text(_LEFT, _HEIGHT - 12, first.isoformat()),
        text(_RIGHT, _HEIGHT - 12, last.isoformat(), "end"),
    ]
    return frame("days", _WIDTH, _HEIGHT, "Gain over doing nothing by day", _description(days, shown, unit), drawn)


def _shown(deployed: Sequence[tuple[str, int]], first: str, last: str) -> list[tuple[str, int]]:
    """Return the versions that became live on these days, and the one that was live when they begin."""
    before = [number for day, number in deployed if day < first]
    during = [(day, number) for day, number in deployed if first <= day <= last]
    return [*((first, number) for number in before[-1:] if not during or during[0][0] > first), *during]


def _bar(day: DayWorth, place: float, width: float, axis: Axis) -> Markup:
    top, bottom = sorted((axis.at(day.gain), axis.at(0.0)))
    thick = min(max(width * 0.72, 1.0), _THICKEST)
    box = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
    return box.format("up" if day.gain >= 0 else "down", place - thick / 2, top, thick, max(bottom - top, 0.5))


def _expected(days: Sequence[DayWorth], at: Callable[[str], float], axis: Axis) -> Iterator[Markup]:
    points = [(at(day.day), axis.at(day.expected)) for day in days if day.expected is not None]
    if len(points) > 1:
        yield path("expected", points)


def _mark(place: float, number: int) -> Iterator[Markup]:
    yield Markup('<path class="mark" d="M{0:.1f} {1}V{2}"/>').format(place, _TOP - 6, _BOTTOM)
    yield text(place + 3, _TOP - 8, f"version {number}", kind="strong")


def _description(days: Sequence[DayWorth], shown: Sequence[tuple[str, int]], unit: str) -> str:
    gain = amount_text(sum(day.gain for day in days), unit)
    expected = [day.expected for day in days if day.expected is not None]
    parts = [f"{len(days)} days from {days[0].day} to {days[-1].day}: earned {gain} more than doing nothing (assumed)"]
    if expected:
        parts.append(f"{amount_text(sum(expected), unit)} expected")
    parts += [f"version {number} live from {day}" for day, number in shown]
    return "; ".join(parts)
