"""What a row loses as its model grows older, with intervals."""

from __future__ import annotations

from markupsafe import Markup

from ml_platform.core.formatting import amount_text, figure_text
from ml_platform.reporting.site.drawing import Axis, frame, path, rules, text
from ml_platform.storage.artifact_kinds.backtest import BacktestManifest

_WIDTH, _LEFT, _RIGHT = 560, 64, 545
_HEIGHT, _TOP, _BOTTOM = 190, 12, 150


def age_chart(about: BacktestManifest) -> Markup:
    """Return what a row of an older model earned less than one of a fresh model, by age: dots with their intervals."""
    ages = about.ages
    ends = [end for item in ages for end in (item.loss.low, item.loss.high) if end is not None]
    up = Axis.around([*ends, *(item.loss.figure for item in ages)], _BOTTOM, _TOP, with_zero=True)
    across = Axis(0, ages[-1].days + ages[0].days / 2, _LEFT, _RIGHT)
    drawn = [*rules(up, _LEFT, _RIGHT, map(figure_text, up.ticks))]
    points = [(across.at(item.days), up.at(item.loss.figure)) for item in ages]
    for item, (x, y) in zip(ages, points, strict=True):
        if item.loss.low is not None and item.loss.high is not None:
            drawn.append(path("span", [(x, up.at(item.loss.low)), (x, up.at(item.loss.high))]))
        drawn.append(Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(x, y))
        drawn.append(text(x, _HEIGHT - 22, f"{item.days:g}", "middle"))
    drawn += [path("line", points), text(_RIGHT, _HEIGHT - 4, "days of age", "end")]
    drawn.append(text(_LEFT, _HEIGHT - 4, f"{about.currency} that a row lost", "start"))
    words = ", ".join(f"{item.days:g} days {amount_text(item.loss.figure, about.currency)}" for item in ages)
    return frame("ages", _WIDTH, _HEIGHT, "Lost a row by age of the model", words, drawn)
