"""What two versions earned on the same days, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ml_platform.core.formatting import amount_text, money_text
from ml_platform.reporting.comparison.comparison import DayGain
from ml_platform.reporting.site.drawing import Axis, frame, rules, text

_WIDTH, _HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 712, 14, 190
_THICKEST = 22


def pair_chart(days: Sequence[DayGain], names: tuple[str, str], unit: str) -> Markup:
    """Return two bars for each day that has rows: what each version earned more than doing nothing."""
    axis = Axis.around([figure for day in days for figure in (day.first, day.second)], _BOTTOM, _TOP, with_zero=True)
    slot = (_RIGHT - _LEFT) / len(days)
    thick = min(slot * 0.4, _THICKEST)
    bars = []
    for number, day in enumerate(days):
        middle = _LEFT + slot * (number + 0.5)
        bars += [_bar("before", middle - thick, thick, day.first, axis), _bar("up", middle, thick, day.second, axis)]
    drawn = [
        *rules(axis, _LEFT, _RIGHT, map(money_text, axis.ticks)),
        *bars,
        text(_LEFT, _HEIGHT - 12, days[0].day),
        *([text(_RIGHT, _HEIGHT - 12, days[-1].day, "end")] if len(days) > 1 else []),
    ]
    sums = (sum(day.first for day in days), sum(day.second for day in days))
    description = "; ".join(f"{name} {amount_text(amount, unit)}" for name, amount in zip(names, sums, strict=True))
    return frame("days", _WIDTH, _HEIGHT, f"Gain over doing nothing on {len(days)} days", description, drawn)


def _bar(kind: str, x: float, width: float, gain: float, axis: Axis) -> Markup:
    top, bottom = sorted((axis.at(gain), axis.at(0.0)))
    box = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
    return box.format(kind, x, top, width, max(bottom - top, 0.5))
