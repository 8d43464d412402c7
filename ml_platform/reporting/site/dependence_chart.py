"""How the mean prediction depends on one input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from ml_platform.core.formatting import figure_text, instant_text, share_text, value_text
from ml_platform.reporting.site.drawing import Axis, frame, path, percent, rules, text
from ml_platform.storage.artifact_kinds.behavior import InputDependence

_WIDTH, _LEFT, _RIGHT = 360, 54, 352
_HEIGHT, _TOP, _BOTTOM = 150, 10, 120
_ROW = 20
_NAMES = 96
_CLASSES, _LINE = 6, 13
"""So many classes are drawn, and so far apart are their names."""
_COLUMNS, _LONGEST = 4, 9
"""So many classes are in a table, and so long is a name above a column."""


def dependence_chart(item: InputDependence, scores: tuple[float, float], unit: str, *, shares: bool) -> Markup:
    """Return the mean prediction by the value of an input: a line for numbers, a bar for each of other values.

    Parameters
    ----------
    scores
        The lowest and the highest mean prediction of all inputs of the model, so that their charts compare.
    shares
        Whether a prediction is a probability.
    """
    if item.by_class:
        return _classes(item, item.by_class, scores, unit)
    words = share_text if shares else figure_text
    low, high = min(item.scores), max(item.scores)
    description = f"mean prediction from {words(low)} to {words(high)}"
    title = f"Prediction by {item.column}"
    if not item.ordered:
        return _bars(item, scores, title, description, shares=shares)
    places = [_number(value) for value in item.values]
    across, up = Axis(places[0], places[-1], _LEFT, _RIGHT), Axis.around(scores, _BOTTOM, _TOP)
    points = [(across.at(place), up.at(score)) for place, score in zip(places, item.scores, strict=True)]
    ends = [_shown(value, unit) for value in (item.values[0], item.values[-1])]
    drawn = [
        *rules(up, _LEFT, _RIGHT, map(percent if shares else figure_text, up.ticks)),
        path("line", points),
        *(Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="2.5"/>').format(*point) for point in points),
        text(_LEFT, _HEIGHT - 10, ends[0]),
        text(_RIGHT, _HEIGHT - 10, ends[1], "end"),
    ]
    return frame(
        "dependence", _WIDTH, _HEIGHT, title, f"{description}; {item.column} from {ends[0]} to {ends[1]}", drawn
    )


def _classes(
    item: InputDependence, by_class: Mapping[str, Sequence[float]], scores: tuple[float, float], unit: str
) -> Markup:
    """Return a line for the probability of each class, or a table of it where values are no numbers."""
    most = _CLASSES if item.ordered else _COLUMNS
    curves = sorted(by_class.items(), key=lambda pair: min(pair[1]) - max(pair[1]))[:most]
    about = "; ".join(f"{name} from {share_text(min(curve))} to {share_text(max(curve))}" for name, curve in curves)
    title = f"Probability of each class by {item.column}"
    if not item.ordered:
        return frame("dependence", _WIDTH, (len(item.values) + 1) * _ROW + 4, title, about, _table(item.values, curves))
    places = [_number(value) for value in item.values]
    across, up = Axis(places[0], places[-1], _LEFT, _WIDTH - _NAMES), Axis.around(scores, _BOTTOM, _TOP)
    ends = [_shown(value, unit) for value in (item.values[0], item.values[-1])]
    drawn = [*rules(up, _LEFT, _WIDTH - _NAMES, map(percent, up.ticks))]
    heights = _apart([up.at(curve[-1]) for _, curve in curves])
    for place, ((name, curve), height) in enumerate(zip(curves, heights, strict=True)):
        points = [(across.at(where), up.at(score)) for where, score in zip(places, curve, strict=True)]
        drawn += [path(f"line c{place}", points), text(_WIDTH - _NAMES + 6, height + 4, _cut(name))]
    drawn += [text(_LEFT, _HEIGHT - 10, ends[0]), text(_WIDTH - _NAMES, _HEIGHT - 10, ends[1], "end")]
    return frame("dependence", _WIDTH, _HEIGHT, title, f"{about}; {item.column} from {ends[0]} to {ends[1]}", drawn)


def _table(values: Sequence[Any], curves: Sequence[tuple[str, Sequence[float]]]) -> Iterator[Markup]:
    """Yield the probability of each class at each value, as words in rows."""
    width = (_RIGHT - _NAMES) / len(curves)
    for column, (name, curve) in enumerate(curves, 1):
        yield text(_NAMES + column * width, 15, _cut(name, _LONGEST), "end")
        for row, score in enumerate(curve, 1):
            yield text(_NAMES + column * width, row * _ROW + 15, share_text(score), "end")
    for row, value in enumerate(values, 1):
        yield text(_NAMES - 6, row * _ROW + 15, _cut(str(value)), "end")


def _apart(heights: Sequence[float]) -> list[float]:
    """Return heights of names, moved so that no two overlap."""
    moved = list(heights)
    below: float = _TOP - _LINE
    for place in sorted(range(len(moved)), key=lambda place: heights[place]):
        moved[place] = below = max(moved[place], below + _LINE)
    return moved


def _bars(item: InputDependence, scores: tuple[float, float], title: str, description: str, *, shares: bool) -> Markup:
    words = percent if shares else figure_text
    axis = Axis.around(scores, _NAMES, _RIGHT - 46, with_zero=True)
    drawn = []
    ranked = sorted(zip(item.values, item.scores, strict=True), key=lambda pair: -pair[1])
    for number, (value, score) in enumerate(ranked):
        start, end = sorted((axis.at(0.0), axis.at(score)))
        box = Markup('<rect class="up" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>')
        drawn += [
            text(_NAMES - 6, number * _ROW + 15, _cut(str(value)), "end"),
            box.format(start, number * _ROW + 4, max(end - start, 0.5), _ROW - 7),
            text(end + 5, number * _ROW + 15, words(score)),
        ]
    return frame("dependence", _WIDTH, len(ranked) * _ROW + 4, title, description, drawn)


def _number(value: Any) -> float:
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else float(value)


def _shown(value: Any, unit: str) -> str:
    if isinstance(value, str):
        return instant_text(datetime.fromisoformat(value))
    shown = value_text(value, unit)
    return shown if not unit or shown[-1:].isalpha() or shown.endswith("%") else f"{shown} {unit}"


def _cut(name: str, longest: int = 14) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
