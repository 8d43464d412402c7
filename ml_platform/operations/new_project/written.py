"""How the cells of a CSV file are written: what is between them, the decimal mark, and which cells mean null."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

NULLS = ("NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""Texts that usually mean null."""
_SEPARATORS = (",", ";", "\t", "|")
_LINES = 100
"""How many lines show which sign is between the cells of a file."""


@dataclass(frozen=True)
class Written:
    """How the cells of a file are written, as a declared reader has it.

    Attributes
    ----------
    separator, decimal
        The sign between cells, and the decimal mark of numbers.
    nulls
        Cells that mean null, beside empty ones.
    """

    separator: str = ","
    decimal: str = "."
    nulls: tuple[str, ...] = ()


def separator_of(file: Path) -> str:
    """Return the sign that divides the first lines into equally many cells, at least two; a comma where none does."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        first = list(islice(lines, _LINES))
    for sign in _SEPARATORS:
        cells = [len(row) for row in csv.reader(first, delimiter=sign) if row]
        whole = cells[:-1] if len(first) == _LINES else cells  # the last row may go on in the next line
        if len(set(whole)) == 1 and whole[0] > 1:
            return sign
    return _SEPARATORS[0]


def has_decimal_commas(rows: pa.Table) -> bool:
    """Return whether numbers have a decimal comma: in one column all that are not whole do, and none has a point."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if any(pa.types.is_floating(kind) for kind in rows.schema.types):
        return False
    texts = [
        rows.column(name).drop_null() for name in rows.column_names if pa.types.is_string(rows.schema.field(name).type)
    ]
    return any(
        pc.all(pc.match_substring_regex(cells, r"^[+-]?[0-9]+(,[0-9]+)?$")).as_py()
        and pc.any(pc.match_substring(cells, ",")).as_py()
        for cells in texts
    )


def null_cells(file: Path, written: Written) -> tuple[str, ...]:
    """Return which texts that usually mean null occur as whole cells."""
    sign = re.escape(written.separator)
    cell = rf'(?:^|{sign})"?([A-Za-z/?]{{1,4}})"?(?={sign}|\r?$)'
    cells = set(re.findall(cell, file.read_text(encoding="utf-8"), re.MULTILINE))
    return tuple(text for text in NULLS if text in cells)
