"""The frame of a chart: axes with round numbers, in SVG that is part of a page and takes its colors from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Axis:
    """Figures from `low` to `high`, drawn from the place `start` to the place `end`."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(cls, figures: Iterable[float], start: float, end: float, *, with_zero: bool = False) -> Axis:
        """Return the axis that holds all figures, and zero where it is wanted, with ends at round numbers."""
        known = [*figures, *([0.0] if with_zero else [])]
        low, high = min(known), max(known)
        if low == high:
            low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
        step = round_step(high - low)
        return cls(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, start, end)

    def at(self, figure: float) -> float:
        """Return the place of a figure."""
        return self.start + (self.end - self.start) * (figure - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Round numbers from one end to the other.

        >>> Axis(0.0, 100.0, 0, 1).ticks
        (0.0, 50.0, 100.0)
        """
        step = round_step(self.high - self.low)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(number * step for number in range(first, last + 1))


def round_step(reach: float) -> float:
    """Return the step of 1, 2 or 5 times a power of ten that parts a reach into two to five.

    >>> round_step(100.0), round_step(0.7), round_step(37.0)
    (50.0, 0.2, 10.0)
    """
    power = 10.0 ** math.floor(math.log10(reach / 2))
    return next(step * power for step in (5, 2, 1) if step * power <= reach / 2 * (1 + 1e-9))


def percent(share: float) -> str:
    """Return a share at a tick, without digits that add nothing.

    >>> percent(0.2), percent(0.125)
    ('20 %', '12.5 %')
    """
    return f"{100 * share:.4g} %"


def frame(kind: str, width: int, height: int, title: str, description: str, drawn: Iterable[Markup]) -> Markup:
    """Return a picture with its title, and with what it shows in words for people who do not see it."""
    opened = Markup('<svg class="chart {}" viewBox="0 0 {} {}" role="img" aria-label="{}">')
    inside = Markup("<title>{}</title><desc>{}</desc>{}</svg>")
    return opened.format(kind, width, height, f"{title}. {description}") + inside.format(
        title, description, Markup("").join(drawn)
    )


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> Markup:
    """Return words at a place."""
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(kind, x, y, anchor, words)


def path(kind: str, points: Iterable[tuple[float, float]]) -> Markup:
    """Return a line through places."""
    return Markup('<path class="{}" d="M{}"/>').format(kind, "L".join(f"{x:.1f} {y:.1f}" for x, y in points))


def rules(axis: Axis, start: float, right: float, words: Iterable[str]) -> Iterator[Markup]:
    """Yield a horizontal rule for each tick of a vertical axis, with its number at the left."""
    for tick, name in zip(axis.ticks, words, strict=True):
        place = axis.at(tick)
        kind = "zero" if tick == 0 else "grid"
        yield Markup('<path class="{}" d="M{} {:.1f}H{}"/>').format(kind, start, place, right)
        yield text(start - 6, place + 4, name, "end")
