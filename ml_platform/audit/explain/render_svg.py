"""Pictures of an explanation: SVG that is part of the page and takes its colors from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from ml_platform.audit.explain.contributions import Contributions
from ml_platform.audit.explain.wording import largest

_ROWS = 14
_LEFT, _RIGHT = 1.0, 99.0
_SUM = object()
"""The value of a row that is a sum."""


@dataclass(frozen=True)
class Fall:
    """One row of a waterfall: a name, what was seen, the amount, and the bar that carries it on.

    Attributes
    ----------
    kind
        ``up``, ``down`` or ``total``.
    of_column
        Whether it is one column's, and not a sum.
    """

    name: str
    value: object
    amount: float
    bar: Markup
    kind: str
    of_column: bool


def waterfall(contributions: Contributions) -> list[Fall]:
    """Return contributions as rows of a waterfall, from the base to the raw score; each bar begins where one ended.

    Where contributions do not add up, each bar begins at zero.
    """
    steps = list(_steps(contributions))
    ends = [place for _, _, start, end, _ in steps for place in (start, end)]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    reach = (high - low) or 1.0

    def at(figure: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (figure - low) / reach

    rows = []
    for name, value, start, end, kind in steps:
        shown = end if kind == "total" else end - start
        rows.append(Fall(name, value, shown, _bar(at(start), at(end), kind), kind, value is not _SUM))
    return rows


def _steps(contributions: Contributions) -> Iterator[tuple[str, object, float, float, str]]:
    """Yield name, value, start, end and kind of each bar."""
    terms, rest, others = largest(contributions.terms, _ROWS)
    if not contributions.exact:
        for term in terms:
            yield term.column, term.value, 0.0, term.amount, "up" if term.amount > 0 else "down"
        return
    yield "average prediction (baseline)", _SUM, contributions.base, contributions.base, "total"
    place = contributions.base
    for term in terms:
        yield term.column, term.value, place, place + term.amount, "up" if term.amount > 0 else "down"
        place += term.amount
    if others:
        yield f"{others} more columns together", _SUM, place, place + rest, "up" if rest > 0 else "down"
        place += rest
    yield "raw score", _SUM, place, place, "total"


def _bar(start: float, end: float, kind: str) -> Markup:
    x, width = min(start, end), max(abs(end - start), 0.6)
    if kind == "total":
        x -= 0.3
    frame = Markup('<svg class="fall" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{}</svg>')
    return frame.format(Markup('<rect class="{}" x="{:.2f}" y="1" width="{:.2f}" height="8"/>').format(kind, x, width))


def meter(score: float | None) -> Markup:
    """Return a probability as a filled line; nothing for what is none."""
    if score is None or not 0 <= score <= 1:
        return Markup("")
    frame = Markup('<svg class="fall" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{}{}</svg>')
    ground = Markup('<rect class="ground" x="0" y="3" width="100" height="4"/>')
    return frame.format(ground, Markup('<rect class="up" x="0" y="3" width="{:.2f}" height="4"/>').format(100 * score))
