"""What an ingest read of a source, part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml_platform.sources.ingest_history import ReadState


@dataclass(frozen=True)
class ReadPart:
    """What was read of one part.

    Attributes
    ----------
    first
        The number of its first row among all that was read.
    read
        How many rows it has.
    rows
        How many of them are to be ingested, or wait to be known.
    quarantined, nulled
        How many are in quarantine, and how many are ingested without a value.
    before
        How many rows of a file that grew were read by an earlier ingest.
    columns
        Names of all of its columns, declared or not; None where they are not known.
    """

    name: str
    first: int
    read: int
    rows: int
    quarantined: int
    nulled: int
    before: int = 0
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Reading:
    """What was read into the staged tables `READ` and `DIRTY`.

    Attributes
    ----------
    marks
        What to remember of each part.
    parts
        What was read of each part that has rows.
    """

    marks: tuple[ReadState, ...]
    parts: tuple[ReadPart, ...] = ()

    @property
    def read(self) -> int:
        """How many rows were read."""
        return sum(part.read for part in self.parts)

    @property
    def rows(self) -> int:
        """How many of them are to be ingested, or wait to be known."""
        return sum(part.rows for part in self.parts)

    @property
    def quarantined(self) -> int:
        """How many of them are in quarantine."""
        return sum(part.quarantined for part in self.parts)

    @property
    def suppressed(self) -> int:
        """How many of them are left out since their key was erased on request."""
        return self.read - self.rows - self.quarantined

    @property
    def waiting(self) -> int:
        """How many of them become known later."""
        return sum(mark.waiting for mark in self.marks)

    @property
    def dirty(self) -> int:
        """How many of them are in quarantine, or are ingested without a value."""
        return sum(part.quarantined + part.nulled for part in self.parts)

    def part_of(self, number: int) -> tuple[str, int]:
        """Return the part that a row was read from, and its number in it (1 is the first)."""
        part = next(part for part in reversed(self.parts) if part.first <= number)
        return part.name, part.before + number - part.first + 1

    def parts_of(self, numbers: npt.NDArray[np.int64]) -> tuple[list[str], npt.NDArray[np.int64]]:
        """Return the parts that rows were read from, and their numbers in them."""
        starts = np.asarray(self.starts, np.int64)
        places = np.searchsorted(starts, numbers, side="right") - 1
        before = np.asarray([part.before for part in self.parts], np.int64)
        return [self.parts[place].name for place in places.tolist()], numbers - starts[places] + before[places] + 1

    @property
    def whole(self) -> set[str]:
        """The names of the parts that were read from their beginning."""
        return {mark.name for mark in self.marks} - {part.name for part in self.parts if part.before}

    @property
    def starts(self) -> tuple[int, ...]:
        """The number of each part's first row."""
        return tuple(part.first for part in self.parts)

    def marks_beside(
        self,
        before: Mapping[str, ReadState],
        seen: Sequence[int],
        moved: int,
        refused: Mapping[str, int],
        dropped: npt.NDArray[np.int64],
    ) -> tuple[ReadState, ...]:
        """Return the marks, with how many different rows each file has had so far.

        A row is new to its file where the log does not have its key, it did not wait to be known before and was not in
        quarantine. Rows that moved from one file to another are not lost. A row that waited, or was in quarantine, and
        is no longer there, is not counted: the log never had it.

        Parameters
        ----------
        before
            The marks of the last ingest.
        refused
            How many rows of each part were in quarantine after the last ingest.
        dropped
            The numbers of rows that were left out because they share key and known-at with others.
        seen
            How many rows of each part have a key that the log has; none where they were not counted.
        moved
            How many rows of the log are, as they were, in parts that were not read before.
        """
        if not seen:
            return self.marks
        ends = [*self.starts[1:], self.read]
        excluded = np.searchsorted(dropped, ends) - np.searchsorted(dropped, self.starts)
        counted = zip(self.parts, seen, excluded.tolist(), strict=True)
        unseen = {part.name: part.rows - count - out for part, count, out in counted}
        refusing = {part.name: part.quarantined for part in self.parts}
        marks = list[ReadState]()
        for mark in self.marks:
            last = before.get(mark.name)
            if last is not None:
                known = last.waiting + refused.get(mark.name, 0)
                new = unseen.get(mark.name, 0) - known
                most = last.most_rows + (max(new, 0) or min(new + refusing.get(mark.name, 0), 0))
                elsewhere = min(moved, max(0, most - mark.rows))
                moved -= elsewhere
                mark = replace(mark, most_rows=max(mark.rows, most - elsewhere))
            marks.append(mark)
        return tuple(marks)
