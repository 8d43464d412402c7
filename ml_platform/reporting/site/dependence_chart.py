"""How the mean prediction depends on one input."""

from __future__ import annotations

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


def dependence_chart(item: InputDependence, scores: tuple[float, float], unit: str, *, shares: bool) -> Markup:
    """Return the mean prediction by the value of an input: a line for numbers, a bar for each of other values.

    Parameters
    ----------
    scores
        The lowest and the highest mean prediction of all inputs of the model, so that their charts compare.
    shares
        Whether a prediction is a probability.
    """
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


def _cut(name: str) -> str:
    return name if len(name) <= 14 else f"{name[:13]}…"
