"""Tables and lines that fit the terminal; without a terminal, one record a line, parted by tabs.

A program that reads a pipe wants whole values, each record on a line of its own, and no spaces that only align.
A person wants columns below each other, and lines that begin below each other where they are too long.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ml_platform.core.terminal_text import printable

_BREAKS = re.compile(r"[\t\r\n]+")
_NEW_LINES = re.compile(r"[\r\n]+")
_GLUE = "\ue000"
"""Replaces a space at which no line may end: `89.1 %` stays together."""
_GAP = 2
_LEAST = 16
"""How narrow a column of words may become."""
_TALLEST = 6
"""About how many lines a value may take; one that would take more has a wider column, or the table becomes blocks."""
_TALLEST_SPARE = 2
"""The same of a column that may be missing: rather than break every row into more lines, it is left out and named."""
_NARROWEST = 20
"""How narrow wrapped text may become beside its indent."""

Cell = str | Text


class PlainTable:
    """A table without lines, to which rows are added.

    On a terminal that is too narrow it first breaks heads and columns of words into lines, then leaves out the columns
    that may be missing and names them, and at last prints each row as its first value with the others below.

    Parameters
    ----------
    heads
        What is above each column; no line of heads where all are empty.
    right
        Columns of figures, counted from 0.
    whole
        Columns whose values are never broken into lines, and never cut.
    spare
        Columns that a narrow terminal may leave out, the first one first.
    indent
        The indent on a terminal.
    """

    def __init__(
        self,
        *heads: str,
        right: Collection[int] = (),
        whole: Collection[int] = (),
        spare: Sequence[int] = (),
        indent: int = 0,
    ) -> None:
        self._heads, self._right, self._spare, self._indent = heads, right, spare, indent
        self._whole = {*whole, *right}
        self._rows: list[tuple[tuple[Text, ...], str]] = []
        self._styles: dict[int, str] = {}

    def add_row(self, *cells: Cell, style: str = "") -> None:
        """Add a row; texts are taken as they are, without markup."""
        texts = [_as_text(cell) for cell in cells]
        texts += [Text() for _ in self._heads[len(texts) :]]
        self._rows.append((tuple(texts), style))

    def style_column(self, place: int, style: str) -> None:
        """Give the values of a column a style."""
        self._styles[place] = style

    @property
    def row_count(self) -> int:
        """How many rows were added."""
        return len(self._rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not console.is_terminal:
            yield from self._records()
            return
        width = options.max_width - self._indent
        kept = self._columns_that_fit(width)
        if kept is None:
            yield from self._blocks()
            return
        for row in console.render_lines(self._table(kept, width), options, pad=False):
            yield from _without_padding(row)
            yield Segment.line()
        hidden = sorted({*self._spare} - {*kept})
        gone = [self._heads[place] for place in hidden if self._heads[place] and self._used(place)]
        if gone:
            note = f"not shown at this width: {', '.join(gone)}; --json has everything"
            yield Line(Text(note, "dim"), self._indent, hang=0)

    def _records(self) -> Iterator[Segment]:
        """Yield a line for each row, and one for the heads where there are any."""
        heads = [self._heads] if any(self._heads) else []
        for texts in [*heads, *([_one_line(cell) for cell in cells] for cells, _ in self._rows)]:
            record = "\t".join(text.strip() for text in texts).rstrip("\t")
            yield Segment(f"{record}\n")

    def _used(self, place: int) -> bool:
        return any(cells[place].plain for cells, _ in self._rows)

    def _columns_that_fit(self, width: int) -> list[int] | None:
        """Return the columns that can be shown beside each other; None where even the needed ones cannot."""
        kept = [place for place in range(len(self._heads)) if self._used(place) or not self._rows]
        spare = [place for place in self._spare if place in kept]
        least = {place: self._least(place) for place in kept}
        while sum(least[place] + _GAP for place in kept) - _GAP > width:
            if not spare:
                return None
            kept.remove(spare.pop(0))
        return kept

    def _least(self, place: int) -> int:
        """Return how narrow a column may become."""
        values = self._width(place)
        head = max((cell_len(word) for word in self._heads[place].split()), default=0)
        tallest = _TALLEST_SPARE if place in self._spare else _TALLEST
        return max(head, values if place in self._whole else min(values, max(_LEAST, -(-values // tallest))))

    def _width(self, place: int) -> int:
        """Return how wide the values of a column are."""
        cells = (cells[place].plain for cells, _ in self._rows)
        return max((cell_len(part) for text in cells for part in text.split("\n")), default=0)

    def _head(self, place: int, *, broken: bool) -> Text:
        head = self._heads[place]
        if not broken:
            return Text(head)
        return Text("\n".join(wrap(head, max(self._least(place), 1), break_long_words=False)))

    def _table(self, kept: Sequence[int], width: int) -> RenderableType:
        broken = sum(max(self._width(place), cell_len(self._heads[place])) + _GAP for place in kept) - _GAP > width
        table = Table(box=None, pad_edge=False, header_style="dim", show_header=any(self._heads))
        for place in kept:
            table.add_column(
                self._head(place, broken=broken),
                justify="right" if place in self._right else "left",
                no_wrap=place in self._whole,
                overflow="fold",
                style=self._styles.get(place, ""),
            )
        for cells, style in self._rows:
            table.add_row(*(_glued(cells[place]) for place in kept), style=style)
        return Padding(table, (0, 0, 0, self._indent)) if self._indent else table

    def _blocks(self) -> RenderResult:
        """Yield the first head, which may have the unit, then each row: its first value, and the others with heads."""
        if self._heads[0] and self._rows:
            yield Line(Text(self._heads[0]), self._indent, style="dim")
        for cells, style in self._rows:
            yield Line(cells[0], self._indent, style=style)
            others = [
                Text.assemble((f"{head.replace(' ', _GLUE)}: " if head else "", "dim"), cell)
                for head, cell in zip(self._heads[1:], cells[1:], strict=True)
                if cell.plain
            ]
            if others:
                yield Line(Text(" · ").join(others), self._indent + _GAP, hang=0, style=style)


@dataclass(frozen=True)
class Line:
    """A line of text with an indent, which its continuations keep. Without a terminal, tabs in it stay.

    Attributes
    ----------
    indent
        The indent of the line.
    hang
        By how much more its continuations are indented.
    """

    text: Text
    indent: int = 0
    hang: int = 2
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not console.is_terminal:
            yield Segment(f"{' ' * self.indent}{_NEW_LINES.sub(' ', self.text.plain)}".rstrip() + "\n")
            return
        for place, part in enumerate(self._wrapped(console, options.max_width - self.indent)):
            part.plain = part.plain.replace(_GLUE, " ")
            part.rstrip()
            part.stylize_before(self.style)
            yield Text(" " * (self.indent + (self.hang if place else 0))) + part

    def _wrapped(self, console: Console, width: int) -> Iterator[Text]:
        """Yield the lines without their indent; the first may be longer than the others."""
        glued = _glued(self.text)
        first = next(iter(glued.wrap(console, max(width, _NARROWEST), overflow="fold")), Text())
        yield first
        rest = glued[len(first.plain) :]
        rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
        if rest.plain:
            yield from rest.wrap(console, max(width - self.hang, _NARROWEST), overflow="fold")


def line(text: Cell, style: str = "", *, indent: int = 0, hang: int = 2) -> Line:
    """Return a line with an indent, which its continuations keep."""
    return Line(_as_text(text), indent, hang, style)


def _without_padding(row: Sequence[Segment]) -> list[Segment]:
    """Return a line of a table without the blanks at its end, which wrap where a window is made narrower."""
    segments = [segment._replace(text=segment.text.replace(_GLUE, " ")) for segment in row]
    while segments and not segments[-1].text.strip():
        segments.pop()
    return [*segments[:-1], *(last._replace(text=last.text.rstrip()) for last in segments[-1:])]


def _glued(text: Text) -> Text:
    """Return a text in which no line ends before a percent sign."""
    glued = text.copy()
    glued.plain = glued.plain.replace(" %", f"{_GLUE}%")
    return glued


def _one_line(text: Text) -> str:
    return _BREAKS.sub(" ", text.plain)


def _as_text(cell: Cell) -> Text:
    """Return a text with its control characters written out, so that it is measured as it is shown."""
    if isinstance(cell, str):
        return Text(printable(cell))
    plain = printable(cell.plain)
    return cell if plain == cell.plain else Text(plain, cell.style)


@dataclass(frozen=True)
class FactTable:
    """Facts one below the other, each after its name; a word that is too long for this, such as an id, gets its line.

    Attributes
    ----------
    indent
        The indent on a terminal.
    """

    facts: tuple[tuple[Text, Text], ...]
    indent: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not console.is_terminal:
            for name, fact in self.facts:
                yield Segment(f"{name.plain}\t{_one_line(fact)}".strip() + "\n")
            return
        names = max((cell_len(name.plain) for name, _ in self.facts), default=0) + _GAP
        for name, fact in self.facts:
            longest = max((cell_len(word) for word in fact.plain.split()), default=0)
            if self.indent + names + longest > options.max_width:
                yield Line(name, self.indent)
                yield Line(fact, self.indent + _GAP, hang=0)
            else:
                padded = name + Text(" " * (names - cell_len(name.plain)))
                yield Line(padded + fact, self.indent, hang=names)


def fact_table(facts: Iterable[tuple[str, Cell]], *, indent: int = 0) -> FactTable:
    """Return facts one below the other, each after its name."""
    return FactTable(tuple((Text(printable(name), "dim"), _as_text(fact)) for name, fact in facts), indent)
