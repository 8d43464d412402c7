"""What a reader is: the declaration of it, and reading in parts, each in batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_platform.core.errors import SourceError
from ml_platform.core.hashing import content_id
from ml_platform.declarations.reader import ReaderSpec
from ml_platform.sources.reading.csv_dialect import Dialect

if TYPE_CHECKING:
    from ml_platform.declarations.source import SourceSpec
    from ml_platform.project import Project


@dataclass(frozen=True)
class SourcePart:
    """What is read as one: a file, all that a function gives, the answer of a database.

    Attributes
    ----------
    name
        As errors name it, such as ``data/2024-05-01.csv``.
    fingerprint
        Differs when the part's rows do; None where only reading shows a change.
    tables
        Reads the declared columns in batches, as Arrow tables. Cells may be text; nulls are nulls already.
    first_row
        How many rows of a file that grows were read before: `tables` gives those after them.
    end
        Where reading a file that may grow ended, as text, once it has been read.
    since
        Returns the part with only what was appended, by the text of where reading ended and the number of rows by
        then; None where the file is not as it was there.
    """

    name: str
    fingerprint: str | None
    tables: Callable[[], Iterator[Any]]
    first_row: int = 0
    end: Callable[[], str | None] = lambda: None
    since: Callable[[str, int], SourcePart | None] = lambda end, rows: None

    @property
    def mark(self) -> str | None:
        """What to remember of the part once it has been read: its fingerprint, and where reading ended."""
        end = self.end()
        return self.fingerprint if end is None else f"{self.fingerprint} {end}"


class Reader(ReaderSpec, ABC):
    """A reader: extend it in one file, with a field of its own name and `parts`.

    Import heavy libraries inside methods: every reader's file is imported when declarations are read.
    """

    @property
    def dialect(self) -> Dialect | None:
        """How the cells of its files are written; None where they are no CSV files."""
        return None

    @abstractmethod
    def parts(self, project: Project, source: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
        """Return what the rows are read from, in order. No row is read before `SourcePart.tables` is called.

        Parameters
        ----------
        project
            The opened project: ``project.root``, ``project.spec.file.connections``.
        source
            The source that is read: `SourcePart.tables` gives its declared columns.
        after
            Where there is a cursor, the text of its largest value so far: only rows beyond are read.

        Raises
        ------
        SourceError
            Where parts are missing or cannot be reached.
        """

    def cursor_text(self, value: Any) -> str:
        """Return the text of a cursor's value, an Arrow scalar, that `parts` gets as `after`."""
        plain = value.as_py()
        return plain.isoformat() if isinstance(plain, datetime) else str(int(plain))


def reader_of(source: SourceSpec) -> Reader:
    """Return a source's reader, which can read.

    Raises
    ------
    SourceError
        Where an installed package declares a reader and does not read.
    """
    if not isinstance(source.reader, Reader):
        kind = type(source.reader)
        problem = f"{kind.__module__}.{kind.__name__} declares a reader that cannot read"
        raise SourceError(source.name, f"reader.{source.reader.name}", problem, f"Let it extend {Reader.__module__}.")
    return source.reader


def fingerprint_of(parts: Sequence[SourcePart]) -> str | None:
    """Return a text that changes when any of the parts does; None where that of any part is not known."""
    fingerprints = [part.fingerprint for part in parts]
    return None if None in fingerprints else content_id([[part.name, part.fingerprint] for part in parts])
