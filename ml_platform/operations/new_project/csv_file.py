"""How a CSV file is written: its encoding, separator and decimal mark, and which cells mean null."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

NULLS = ("NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
_SEPARATORS = ",;\t|"
_LOOKED_AT = 50
"""How many rows decide on the separator."""
_LEAST_NUMBERS = 10
"""From how many different numbers on a column is one of numbers, although one text occurs in it."""
_NUMBER = r"^[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+|[iI]nf(inity)?)([eE][+-]?[0-9]+)?$"


@dataclass(frozen=True)
class CsvForm:
    """How the cells of a file are written.

    Attributes
    ----------
    encoding
        None for UTF-8.
    null_values
        Cells that mean null, beside empty ones.
    """

    encoding: str | None = None
    separator: str = ","
    decimal: str = "."
    null_values: tuple[str, ...] = ()

    @property
    def keys(self) -> dict[str, object]:
        """The keys of a reader that differ from their defaults."""
        nulls = ["", *self.null_values] if self.null_values else None
        written = {
            "separator": self.separator if self.separator != "," else None,
            "decimal": self.decimal if self.decimal != "." else None,
            "encoding": self.encoding,
            "null_values": nulls,
        }
        return {key: value for key, value in written.items() if value is not None}


PLAIN = CsvForm()


def read_unknown_csv(file: Path) -> tuple[pa.Table, CsvForm]:
    """Return the rows of a CSV file with the types that its cells have, and how they are written."""
    import pyarrow as pa

    encoding = _encoding(file.read_bytes())
    separator = _separator(file, encoding)
    texts = _read(file, CsvForm(encoding, separator), everything=pa.string())
    form = CsvForm(encoding, separator, _decimal(texts), _null_cells(texts))
    rows = _read(file, form)
    return _read(file, form, dict.fromkeys(_no_numbers(rows, texts, form), pa.string())), form


def _read(
    file: Path, form: CsvForm, types: Mapping[str, pa.DataType] | None = None, everything: pa.DataType | None = None
) -> pa.Table:
    import pyarrow.csv

    signs = {"delimiter": form.separator, "newlines_in_values": True}
    read = pyarrow.csv.ReadOptions(encoding=form.encoding or "utf8")
    if everything is not None:
        with pyarrow.csv.open_csv(file, read, pyarrow.csv.ParseOptions(**signs)) as opened:
            types = dict.fromkeys(opened.schema.names, everything)
    convert = pyarrow.csv.ConvertOptions(
        null_values=["", *form.null_values],
        strings_can_be_null=True,
        column_types=types,
        decimal_point=form.decimal,
    )
    return pyarrow.csv.read_csv(file, read, pyarrow.csv.ParseOptions(**signs), convert)


def _encoding(content: bytes) -> str | None:
    """Return the encoding of a text where it is not UTF-8: Western European, unless it begins as UTF-16.

    >>> _encoding("Größe".encode()), _encoding("Größe".encode("cp1252")), _encoding("Größe".encode("utf-16"))
    (None, 'cp1252', 'utf-16')
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        content.decode()
    except UnicodeDecodeError:
        content.decode("cp1252")
        return "cp1252"
    return None


def _separator(file: Path, encoding: str | None) -> str:
    """Return the sign that gives as many cells in each row as in the header, and the most of them."""
    ranks = {}
    for sign in _SEPARATORS:
        with file.open(encoding=encoding, newline="") as opened:
            counts = [len(row) for row in islice(csv.reader(opened, delimiter=sign), _LOOKED_AT) if row] or [0]
        ranks[sign] = (len({*counts}) == 1 and counts[0] > 1, counts[0])
    return max(ranks, key=lambda sign: ranks[sign])


def _decimal(texts: pa.Table) -> str:
    """Return a comma where some column has numbers with commas, and no column has numbers with points."""
    commas, points = (any(_are_decimal(column, sign) for column in texts.columns) for sign in (",", r"\."))
    return "," if commas and not points else "."


def _are_decimal(column: pa.ChunkedArray, sign: str) -> bool:
    import pyarrow.compute as pc

    numbers = column.filter(pc.fill_null(pc.match_substring_regex(column, _NUMBER), False))
    others = len(pc.unique(column.drop_null())) - len(pc.unique(numbers))
    return others <= 1 and bool(pc.any(pc.match_substring_regex(numbers, rf"^[+-]?[0-9]*{sign}[0-9]+$")).as_py())


def _null_cells(texts: pa.Table) -> tuple[str, ...]:
    """Return which cells mean null: texts that usually do, and the only text among the numbers of a column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    nulls = set[str]()
    for column in texts.columns:
        values = pc.unique(column.drop_null())
        usual = pc.is_in(values, value_set=pa.array(NULLS))
        nulls.update(values.filter(usual).to_pylist())
        values = values.filter(pc.invert(usual))
        is_number = pc.match_substring_regex(values, _NUMBER)
        others = values.filter(pc.invert(is_number))
        if len(others) == 1 and len(values) > _LEAST_NUMBERS:
            nulls.add(others[0].as_py())
    return tuple(sorted(nulls, key=lambda text: (text not in NULLS, text)))


def _no_numbers(rows: pa.Table, texts: pa.Table, form: CsvForm) -> list[str]:
    """Return the columns that numbers would change: codes such as 00501, and ids beyond 64 bits."""
    import pyarrow as pa

    return [
        field.name
        for place, field in enumerate(rows.schema)
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        if _is_changed(texts.column(place), form, broken=pa.types.is_floating(field.type))
    ]


def _is_changed(cells: pa.ChunkedArray, form: CsvForm, *, broken: bool) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    written = cells.drop_null()
    written = written.filter(pc.invert(pc.is_in(written, value_set=pa.array(form.null_values, pa.string()))))
    if pc.any(pc.match_substring_regex(written, r"^[+-]?0[0-9]+$")).as_py():
        return True
    return bool(broken and len(written) and pc.all(pc.match_substring_regex(written, r"^[+-]?[0-9]+$")).as_py())
