"""Files that only grow: where reading one ended, so that the next reading begins there.

What was read before is hashed: where any byte of it differs, the whole file is read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_platform.sources.reading.csv_blocks import first_row_end
from ml_platform.sources.reading.csv_dialect import Dialect

_STEP = 1 << 20


@dataclass
class FileEnd:
    """Where reading a file ended, once it has been read.

    Attributes
    ----------
    text
        The bytes and their hash, to be remembered; None while it is not read, or where its last row has no line break:
        what is appended would go on with that row.
    """

    text: str | None = None


@dataclass(frozen=True)
class ReadBefore:
    """What was read of a file before, and is unchanged.

    Attributes
    ----------
    header
        The bytes of its first row.
    size, lines, rows
        How many bytes, lines and rows were read.
    digest
        The hash of the bytes, to be continued.
    """

    header: bytes
    size: int
    lines: int
    rows: int
    digest: Any


def read_before(path: str, text: str, rows: int, dialect: Dialect) -> ReadBefore | None:
    """Return what was read of a file before; None where it is not there as it was, or nothing was appended.

    Parameters
    ----------
    text
        `FileEnd.text` of the last reading.
    rows
        How many rows were read by then.
    """
    size, _, expected = text.partition(":")
    rest, lines, header, digest = int(size), 0, b"", hashlib.sha256()
    if Path(path).stat().st_size <= rest:
        return None
    with Path(path).open("rb") as file:
        while rest:
            data = file.read(min(_STEP, rest))
            header = header or data[: first_row_end(data, dialect)]
            lines += data.count(b"\n")
            digest.update(data)
            rest -= len(data)
    return ReadBefore(header, int(size), lines, rows, digest) if digest.hexdigest() == expected else None


class HashedStream:
    """Reads a file and hashes its bytes; from the end of those that were read before, after their header.

    Parameters
    ----------
    file
        The file, read as bytes from its beginning.
    """

    def __init__(self, file: Any, before: ReadBefore | None) -> None:
        self._file, self._header = file, before.header if before else b""
        self._digest = before.digest.copy() if before else hashlib.sha256()
        self._size, self._last = before.size if before else 0, b""
        if before is not None:
            file.seek(before.size)

    def read(self, size: int) -> bytes:
        """Return some bytes; none at the end."""
        header, self._header = self._header, b""
        if header:
            return header
        data: bytes = self._file.read(size)
        self._digest.update(data)
        self._size += len(data)
        self._last = data[-1:] or self._last
        return data

    @property
    def end(self) -> str | None:
        """What to remember of a file that was read to its end (`FileEnd.text`)."""
        return f"{self._size}:{self._digest.hexdigest()}" if self._last == b"\n" else None
