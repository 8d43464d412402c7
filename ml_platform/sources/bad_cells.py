"""The cells of rows that were read which do not fit their declaration, where a declared policy accepts such rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.declarations.row_policies import on_error_of
from ml_platform.declarations.source import SourceSpec

Reason = Literal[
    "wrong_value",
    "no_time_zone",
    "repeated_time",
    "skipped_time",
    "impossible_time",
    "infinite_number",
    "missing_value",
    "not_utf8",
    "wrong_cell_count",
    "duplicate_key",
]
"""Why a row is dirty. The guide on dirty rows explains each."""
LONGEST_TEXT = 1_000
Mask = npt.NDArray[np.bool_]
Convert = Callable[[pa.ChunkedArray], pa.ChunkedArray]
NOT_CONVERTED = (pa.ArrowInvalid, pa.ArrowNotImplementedError)


@dataclass(frozen=True)
class Bad:
    """Cells of one column that do not fit for one reason.

    Attributes
    ----------
    rows
        The 0-based places of their rows in the table that was read, in order.
    texts
        What was read there; None for a null.
    """

    column: str
    reason: Reason
    problem: str
    rows: npt.NDArray[np.int64]
    texts: tuple[str | None, ...]


class BadCells:
    """Collects the bad cells of one table, each once, for the first reason that was found."""

    def __init__(self, spec: SourceSpec, rows: int) -> None:
        self._spec, self._rows = spec, rows
        self.cells: list[Bad] = []
        self._masks: dict[str, Mask] = {}

    def accepts(self, column: str) -> bool:
        """Return whether a bad cell of a column lets the ingest go on."""
        return on_error_of(self._spec, column) != "fail"

    def note(self, column: str, reason: Reason, problem: str, bad: pa.ChunkedArray, values: pa.ChunkedArray) -> None:
        """Note the bad cells of a column."""
        before = self.mask(column)
        new = _as_mask(bad) & ~before
        if new.any():
            rows = np.flatnonzero(new)
            self.cells.append(Bad(column, reason, problem, rows, _texts(values.take(pa.array(rows)))))
            self._masks[column] = before | new

    def mask(self, column: str) -> Mask:
        """Return which cells of a column are bad."""
        bad = self._masks.get(column)
        return np.zeros(self._rows, np.bool_) if bad is None else bad

    def without(self, column: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return a column with nulls in the place of its bad cells."""
        if column not in self._masks:
            return values
        return pc.if_else(pa.array(self._masks[column]), pa.scalar(None, values.type), values)


def unconvertible(values: pa.ChunkedArray, convert: Convert) -> pa.Array:
    """Return which values cannot be converted, found by halving the distinct ones."""
    coded = values.combine_chunks().dictionary_encode()
    words, pending = coded.dictionary, [(0, len(coded.dictionary))]
    bad = np.zeros(len(words), np.bool_)
    while pending:
        start, end = pending.pop()
        try:
            convert(pa.chunked_array([words[start:end]]))
        except NOT_CONVERTED:
            middle = (start + end) // 2
            if end - start == 1:
                bad[start] = True
            else:
                pending += [(start, middle), (middle, end)]
    return pc.fill_null(pa.array(bad).take(coded.indices), False)


def not_utf8(values: pa.ChunkedArray) -> pa.Array:
    """Return which binary cells are not text in UTF-8."""
    return pa.array([not _is_utf8(cell) for cell in values.to_pylist()], pa.bool_())


def _is_utf8(cell: bytes | None) -> bool:
    try:
        (cell or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _as_mask(bad: pa.ChunkedArray) -> Mask:
    plain = bad.combine_chunks() if isinstance(bad, pa.ChunkedArray) else bad
    bad_mask: Mask = pc.fill_null(plain, False).to_numpy(zero_copy_only=False)
    return bad_mask


def _texts(values: pa.ChunkedArray) -> tuple[str | None, ...]:
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        texts = [None if cell is None else cell.decode(errors="backslashreplace") for cell in values.to_pylist()]
    else:
        texts = values.cast(pa.string()).to_pylist()
    return tuple(text if text is None else text[:LONGEST_TEXT] for text in texts)
