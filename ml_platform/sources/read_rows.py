"""What an ingest read of a source, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml_platform.sources.ingest_history import ReadState
from ml_platform.sources.key_counts import NO_KEYS, KeyCounts, added, at_least, nearer


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

    @property
    def suppressed(self) -> int:
        """How many are left out since their key was erased on request."""
        return self.read - self.rows - self.quarantined


@dataclass(frozen=True)
class PartKeys:
    """The keys of one part.

    Attributes
    ----------
    held
        How many of each group the log had before this ingest. A row that waits to be known, or is in quarantine,
        counts by its key.
    new
        How many of each group come into the log with this ingest.
    moved
        How many are in the log as they are, where the part was not read before.
    unclear
        How many rows in quarantine have no key: each may be the row of any.
    """

    held: KeyCounts = NO_KEYS
    new: KeyCounts = NO_KEYS
    moved: int = 0
    unclear: int = 0


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
        return sum(part.suppressed for part in self.parts)

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

    @property
    def starts_by_part(self) -> dict[str, int]:
        """The number of each part's first row by the name of the part."""
        return {part.name: part.first for part in self.parts}

    def marks_beside(self, before: Mapping[str, ReadState], keys: Mapping[str, PartKeys]) -> tuple[ReadState, ...]:
        """Return the marks, each with how many rows its file has lost.

        A row is lost where the log has its key from a file that no longer has it. Keys are counted by groups, so that
        a key that the file takes over from another one hides a lost key of the same group only. Rows that moved from
        one file to another are not lost. A row that waited, or was in quarantine, and is no longer there, is not
        counted: the log never had it.

        Parameters
        ----------
        before
            The marks of the last ingest.
        keys
            The keys of each part that has rows.
        """
        moved = sum(part.moved for part in keys.values())
        read = {part.name: part for part in self.parts}
        marks = list[ReadState]()
        for mark in self.marks:
            last, part, its = before.get(mark.name), read.get(mark.name), keys.get(mark.name, PartKeys())
            before_it = last.keys_had if last is not None else NO_KEYS
            if part is not None and part.before:  # only what was appended was read
                marks.append(replace(mark, keys=added(before_it, its.new)))
                continue
            here = added(its.held, its.new)
            had = at_least(here, added(before_it, its.new))
            hidden = its.unclear + (part.suppressed if part is not None else 0)  # each may be the row of a lost key
            lost = max(0, sum(had) - sum(here) - hidden)
            elsewhere = min(moved, lost)
            moved -= elsewhere
            keys_had = nearer(had, here, elsewhere)
            marks.append(replace(mark, keys=keys_had, most_rows=mark.rows + lost - elsewhere))
        return tuple(marks)
