"""The page of many runs side by side: one row for each, with a picture of its interval. It needs no other file."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ml_platform.core.formatting import amount_text
from ml_platform.reporting.comparison.many import Ahead, ManyComparison

_WIDTH, _HEIGHT, _MARGIN = 220, 18, 4
KEYS_SHOWN = 8
"""How many keys have a column of their own; the rest is in the last one."""


class IntervalScale:
    """One scale for the pictures of all intervals, with 0 on it."""

    def __init__(self, intervals: Sequence[Ahead | None]) -> None:
        ends = [0.0]
        for ahead in intervals:
            ends += [end for end in (ahead.low, ahead.amount, ahead.high) if end is not None] if ahead else []
        self._low, self._high = min(ends), max(ends)

    def picture(self, ahead: Ahead | None) -> Markup:
        """Return the interval as a line with a dot at the amount, beside a line at 0."""
        if ahead is None or ahead.amount is None:
            return Markup("")
        zero, dot = self._at(0.0), self._at(ahead.amount)
        parts = [Markup('<path d="M{:.1f} 0V{}" stroke="var(--edge)"/>').format(zero, _HEIGHT)]
        if ahead.low is not None and ahead.high is not None:
            ends = self._at(ahead.low), self._at(ahead.high)
            line = Markup('<path d="M{:.1f} {}H{:.1f}" stroke="var(--accent)" stroke-width="2"/>')
            parts.append(line.format(ends[0], _HEIGHT // 2, ends[1]))
        parts.append(Markup('<circle cx="{:.1f}" cy="{}" r="3" fill="var(--accent)"/>').format(dot, _HEIGHT // 2))
        box = Markup('<svg width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">{3}</svg>')
        return box.format(_WIDTH, _HEIGHT, amount_text(ahead.amount), Markup("").join(parts))

    def _at(self, amount: float) -> float:
        span = (self._high - self._low) or 1.0
        return _MARGIN + (amount - self._low) / span * (_WIDTH - 2 * _MARGIN)


def interval_scale(comparison: ManyComparison) -> IntervalScale:
    """Return the scale of a comparison's intervals."""
    return IntervalScale([line.ahead for line in comparison.runs])
