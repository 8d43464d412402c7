"""Small charts as SVG: 320 pixels wide, for the value column of a page in the Dagster UI.

A picture brings its own white ground, so that it is readable on a light and on a dark page. Every text is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from ml_platform.core.formatting import money_text
from ml_platform.core.terminal_text import printable
from ml_platform.reporting.plots.style import BLUE, GREY, GRID, INK, MUTED

WIDTH = 320
_LEFT, _RIGHT, _TOP = 12, 308, 42
_TITLE, _ROW, _PLOT = 22, 20, 104
_STYLE = (
    f"text{{font:10px system-ui,-apple-system,'Segoe UI',sans-serif;fill:{MUTED}}}"
    f".h{{font-size:12px;font-weight:600;fill:{INK}}}"
    f".n{{font-size:10.5px;fill:{INK};paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}}"
)


@dataclass(frozen=True)
class Bar:
    """One horizontal bar.

    Attributes
    ----------
    low, high
        The ends of its interval; None where there is none.
    text
        The figure beside it.
    """

    name: str
    value: float
    text: str
    color: str = BLUE
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """One line over the places of a `Plot`; None is a gap."""

    name: str
    values: Sequence[float | None]
    color: str = BLUE
    dashed: bool = False


@dataclass(frozen=True)
class Column:
    """One upright bar."""

    value: float
    color: str = BLUE


def bars(
    title: str,
    shown: Sequence[Bar],
    *,
    limit: float | None = None,
    legend: Sequence[tuple[str, str]] = (),
    note: str = "",
) -> bytes:
    """Return horizontal bars from zero, the first on top.

    Parameters
    ----------
    limit
        Where a dashed line is drawn; what is between zero and it has a grey ground.
    legend
        Names and their colors, below the bars.
    note
        A line below the title.
    """
    longest = max((len(bar.name) for bar in shown), default=0)
    x = _LEFT + min(6.0 * min(longest, 24) + 6, 150)
    ends = [0.0, limit or 0.0, *(end for bar in shown for end in (bar.value, bar.low, bar.high) if end is not None)]
    place = _scale(min(ends), max(ends), x + (34 if min(ends) < 0 else 0), _RIGHT - 44)
    top, bottom = _TOP, _TOP + _ROW * len(shown)
    parts = []
    if limit is not None:
        parts.append(_rect(place(0), top, place(limit) - place(0), bottom - top, "#f1f5f9"))
        parts.append(_path(f"M{place(limit):.1f} {top}V{bottom}", INK, 1, dashed=True))
    parts += [part for row, bar in enumerate(shown) for part in _bar(bar, place, top + _ROW * row)]
    parts.append(_path(f"M{place(0):.1f} {top}V{bottom}", GREY, 1))
    return _picture(title, note, bottom + (26 if legend else 8), [*parts, *_legend(legend, bottom + 18)])


def lines(title: str, labels: tuple[str, str], shown: Sequence[Line], *, note: str = "") -> bytes:
    """Return lines over equal steps, with zero and the ends marked.

    Parameters
    ----------
    labels
        What is written below the first and the last step.
    """
    values = [0.0, *(value for line in shown for value in line.values if value is not None)]
    height = _upright(values)
    steps = max(len(line.values) for line in shown)
    across = _scale(0, max(steps - 1, 1), _LEFT + 40, _RIGHT)
    parts = [*_grid(values, height)]
    for line in shown:
        points = [(across(at), height(value)) for at, value in enumerate(line.values) if value is not None]
        drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(_path(f"M{drawn}", line.color, 2, dashed=line.dashed))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{line.color}"/>' for x, y in points[-1:]]
    parts += _ends(labels, _LEFT + 40)
    return _picture(title, note, _TOP + _PLOT + 38, [*parts, *_legend([(line.name, line.color) for line in shown])])


def columns(
    title: str, labels: tuple[str, str], shown: Sequence[Column], legend: Sequence[tuple[str, str]], *, note: str = ""
) -> bytes:
    """Return upright bars from zero over equal steps.

    Parameters
    ----------
    legend
        Names and their colors.
    """
    height = _upright([0.0, *(column.value for column in shown)])
    across = _scale(0, len(shown), _LEFT + 40, _RIGHT)
    width = max((across(1) - across(0)) * 0.85, 0.4)
    parts = [*_grid([0.0, *(column.value for column in shown)], height)]
    for at, column in enumerate(shown):
        y = min(height(column.value), height(0))
        parts.append(_rect(across(at), y, width, abs(height(0) - height(column.value)), column.color))
    parts += _ends(labels, _LEFT + 40)
    return _picture(title, note, _TOP + _PLOT + 38, [*parts, *_legend(legend)])


def dots(title: str, points: Sequence[tuple[float, float]], *, note: str = "") -> bytes:
    """Return shares by predicted probability beside the diagonal on which both are equal."""
    reach = max([0.05, *(end for point in points for end in point)]) * 1.05
    across, height = _scale(0, reach, _LEFT + 40, _RIGHT), _scale(0, reach, _TOP + _PLOT, _TOP)
    parts = [
        _path(f"M{across(0):.1f} {height(0):.1f}H{_RIGHT}", GRID, 1),
        _path(f"M{across(0):.1f} {height(0):.1f}L{across(reach):.1f} {height(reach):.1f}", GREY, 1, dashed=True),
        _path("M" + "L".join(f"{across(x):.1f} {height(y):.1f}" for x, y in points), BLUE, 1.5),
        *(f'<circle cx="{across(x):.1f}" cy="{height(y):.1f}" r="3" fill="{BLUE}"/>' for x, y in points),
        _text(f"{100 * reach:.0f} %", _LEFT + 36, _TOP + 8, end=True),
        _text("0 %", _LEFT + 36, _TOP + _PLOT, end=True),
        *_ends(("predicted 0 %", f"{100 * reach:.0f} %"), _LEFT + 40),
    ]
    legend = _legend([("share of true labels", BLUE), ("perfect", GREY)])
    return _picture(title, note, _TOP + _PLOT + 38, [*parts, *legend])


# Parts --------------------------------------------------------------------------


def _bar(bar: Bar, place: Callable[[float], float], top: float) -> Iterator[str]:
    middle, start, end = top + _ROW / 2, min(place(0), place(bar.value)), max(place(0), place(bar.value))
    yield _text(_short_column(bar.name, 24), _LEFT, middle + 3.5, "n")
    yield _rect(start, top + 4, max(end - start, 0.5), _ROW - 8, bar.color)
    if bar.low is not None and bar.high is not None:
        low, high = place(bar.low), place(bar.high)
        yield _path(f"M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8", INK, 1.2)
        end = max(end, high)
    yield _text(bar.text, end + 5, middle + 3.5, "n")


def _grid(values: Sequence[float], height: Callable[[float], float]) -> Iterator[str]:
    """Yield lines at the ends and at zero, with their figures; zero gives way where an end is near."""
    low, high = min(values), max(values)
    marks = [high, low] if high > low else [high]
    if low < 0 < high and min(abs(height(0) - height(mark)) for mark in marks) > 11:
        marks.append(0.0)
    for mark in marks:
        yield _path(f"M{_LEFT + 40} {height(mark):.1f}H{_RIGHT}", GREY if mark == 0 else GRID, 1)
        yield _text(money_text(mark), _LEFT + 36, height(mark) + 3.5, end=True)


def _upright(values: Sequence[float]) -> Callable[[float], float]:
    low, high = min(values), max(values)
    return _scale(low, high if high > low else low + 1, _TOP + _PLOT, _TOP + 4)


def _ends(labels: tuple[str, str], x: float) -> list[str]:
    y = _TOP + _PLOT + 14
    return [_text(labels[0], x, y), _text(labels[1], _RIGHT, y, end=True)]


def _legend(entries: Sequence[tuple[str, str]], y: float = _TOP + _PLOT + 30) -> Iterator[str]:
    x = float(_LEFT)
    for name, color in entries:
        text = _short(name, 22)
        if x + 14 + 5.2 * len(text) > WIDTH:
            return
        yield _rect(x, y - 7, 10, 4, color)
        yield _text(text, x + 14, y)
        x += 26 + 5.2 * len(text)


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    reach = high - low or 1.0
    return lambda value: start + (end - start) * (value - low) / reach


def _plain(text: str) -> str:
    """Return a text for XML, which has no form for control characters."""
    return escape(printable(text))


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _short_column(name: str, length: int) -> str:
    """Return a column's name, at most so long: its last part stays, and as much of its table as fits.

    >>> _short_column("destination_punctuality.late_share_7d", 24)
    'destinati….late_share_7d'
    """
    table, dot, column = name.rpartition(".")
    if len(name) <= length or not dot or len(column) > length - 4:
        return _short(name, length)
    return f"{table[: length - len(column) - 2]}….{column}"


def _text(text: str, x: float, y: float, style: str = "", *, end: bool = False) -> str:
    anchor, kind = ' text-anchor="end"' if end else "", f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{anchor}{kind}>{_plain(text)}</text>'


def _rect(x: float, y: float, width: float, height: float, color: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'


def _path(d: str, color: str, width: float, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<path d="{d}" fill="none" stroke="{color}" stroke-width="{width}"{dash}/>'


def _picture(title: str, note: str, height: float, parts: Sequence[str]) -> bytes:
    name = ". ".join(filter(None, [title, note]))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label={quoteattr(printable(name))}>'
        f"<title>{_plain(name)}</title>"
        f"<style>{_STYLE}</style>"
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="6" fill="#fff" stroke="{GRID}"/>'
    )
    heading = [_text(_short(title, 46), _LEFT, _TITLE - 4, "h"), _text(_short(note, 58), _LEFT, _TITLE + 10)]
    return "".join([head, *heading, *parts, "</svg>"]).encode()
