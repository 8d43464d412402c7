"""What a reader gives of a part at once: rows, and what it could not read as a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RefusedLine:
    """A line of a file in the place of a row that cannot be read as one.

    Attributes
    ----------
    place
        Its 0-based place among the rows of the batch.
    line
        The line on which it begins, from 1.
    problem
        What is wrong with it, as "has 5 cells, and the header 4".
    """

    place: int
    line: int
    problem: str
    text: str


@dataclass(frozen=True)
class Batch:
    """Consecutive rows of a part, where a reader returns more than their cells.

    Attributes
    ----------
    table
        The rows that have cells.
    places
        The 0-based place of each among the rows of the batch; None where none was left out.
    refused
        The others.
    lines
        Returns the lines of a text file on which the rows at some places of the table begin, from 1.
    is_utf8
        Whether texts are known to be UTF-8.
    columns
        Names of all columns of the part, also of those that are not declared; None where they are not known.
    """

    table: Any
    places: Sequence[int] | None = None
    refused: Sequence[RefusedLine] = ()
    lines: Callable[[Sequence[int]], Sequence[int]] | None = None
    is_utf8: bool = False
    columns: Sequence[str] | None = None

    @property
    def rows(self) -> int:
        """How many rows there are, with those that were left out."""
        return int(self.table.num_rows) + len(self.refused)
