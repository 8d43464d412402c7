"""What every page of the reference is made of: a page, a table, a cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """One page: its file name without ``.md``, its title, what it is for, and its sections."""

    name: str
    title: str
    summary: str
    sections: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole page as Markdown."""
        note = "*This page is generated from the code. Do not edit it.*"
        return "\n\n".join([f"# {self.title}", self.summary, note, *self.sections]) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Return a table; cells are already Markdown.

    >>> print(table(["name", "meaning"], [["`x`", "a | b"]]))
    | name | meaning |
    | --- | --- |
    | `x` | a \| b |
    """
    lines = [heads, ["---"] * len(heads), *([_cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


def prose(docstring: str) -> str:
    """Return a docstring's text as Markdown: double back quotes become single ones.

    >>> prose("Moved by ``advance``.")
    'Moved by `advance`.'
    """
    return re.sub(r"``(.+?)``", r"`\1`", docstring).strip()


def code(text: object) -> str:
    """Return a value as code."""
    return f"`{text}`"
