"""The fixed layout of a record: the columns of an entity's feature tables one after another, numbers as they are.

A record is ``<`` packed: a byte that is 1 where any value but a float or a text is null, then each block, one feature
table or one model's own columns: a byte that is 1 where the block knows the entity, and its columns. A float takes
8 bytes, and NaN where it is null. A whole number, an instant (microseconds since 1970 UTC) and a condition follow
a byte that is 1 where they are null. Texts follow at the end, as a msgpack list of all of them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import from_micros
from ml_platform.core.engines.exact_sums import combined
from ml_platform.declarations.source import ColumnType

Buffer = bytes | memoryview
_CODES: Mapping[str, str] = {"float": "d", "int": "q", "timestamp": "q", "bool": "?"}
_KINDS: Mapping[str, str] = {"float": "<f8", "int": "<i8", "timestamp": "<i8", "bool": "u1"}
_ANY, _KNOWN, _NULL = "any", "known", "null"


class Block(msgspec.Struct, frozen=True):
    """The columns of one feature table, or of one model's population, in a record.

    Attributes
    ----------
    columns
        The type of each column, in order.
    """

    name: str
    columns: dict[str, ColumnType]


class Layout:
    """The place of each value in the records of one entity."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = tuple(blocks)
        fields: list[tuple[str, str, str]] = [(_ANY, "B", "u1")]
        for number, block in enumerate(self.blocks):
            fields.append((f"{_KNOWN}{number}", "B", "u1"))
            for place, kind in enumerate(block.columns.values()):
                if kind not in ("float", "string"):
                    fields.append((f"{_NULL}{number}.{place}", "B", "u1"))
                if kind != "string":
                    fields.append((f"{number}.{place}", _CODES[kind], _KINDS[kind]))
        self._fields = fields
        self._dtype = np.dtype([(name, kind) for name, _, kind in fields])
        texts = [
            (n, p) for n, b in enumerate(self.blocks) for p, kind in enumerate(b.columns.values()) if kind == "string"
        ]
        self._texts = {where: place for place, where in enumerate(texts)}

    @property
    def size(self) -> int:
        """How many bytes a record has before its texts."""
        return int(self._dtype.itemsize)

    def encode(self, tables: Sequence[pa.Table], known: Sequence[np.ndarray]) -> list[bytes]:
        """Return the record of each row.

        Parameters
        ----------
        tables
            The values of each block, with its columns by their names, all of one length.
        known
            Of each block, whether it knows the entity of each row.
        """
        rows = np.zeros(len(known[0]), self._dtype)
        texts: list[list[str | None]] = []
        for number, (block, table) in enumerate(zip(self.blocks, tables, strict=True)):
            rows[f"{_KNOWN}{number}"] = known[number]
            for place, (name, kind) in enumerate(block.columns.items()):
                column = combined(table[name])
                if kind == "string":
                    texts.append(column.to_pylist())
                elif kind == "float":
                    rows[f"{number}.{place}"] = pc.fill_null(column.cast(pa.float64()), float("nan")).to_numpy()
                else:
                    null = pc.is_null(column).to_numpy(zero_copy_only=False)
                    rows[f"{_NULL}{number}.{place}"] = null
                    rows[_ANY] |= null
                    rows[f"{number}.{place}"] = _whole(column, kind)
        records: list[bytes] = rows.view(f"V{self.size}").tolist()
        if not texts:
            return records
        pack = msgspec.msgpack.Encoder().encode
        return [record + pack(row) for record, row in zip(records, zip(*texts, strict=True), strict=True)]

    def known_counts(self, records: Sequence[Buffer]) -> list[int]:
        """Return how many of some records each block knows."""
        rows = np.frombuffer(b"".join(record[: self.size] for record in records), self._dtype)
        return [int(rows[field].sum()) for field in self.known_fields.values()]

    def picker(self, wanted: Sequence[tuple[str, str]]) -> Picker:
        """Return what reads some columns, each a block and a column, from records.

        Raises
        ------
        KeyError
            Where the layout has no such block or column.
        """
        return Picker(self, wanted)

    def cells_of(self, wanted: Sequence[tuple[str, str]]) -> list[Cell]:
        """Return the places of columns."""
        numbers = {block.name: number for number, block in enumerate(self.blocks)}
        cells = []
        for name, column in wanted:
            number = numbers[name]
            columns = self.blocks[number].columns
            kind, place = columns[column], list(columns).index(column)
            text = self._texts.get((number, place))
            nullable = kind not in ("float", "string")
            cells.append(
                Cell(
                    kind,
                    None if text is not None else f"{number}.{place}",
                    f"{_NULL}{number}.{place}" if nullable else None,
                    text,
                )
            )
        return cells

    def format_of(self, fields: Sequence[str]) -> tuple[struct.Struct, dict[str, int]]:
        """Return what unpacks some fields and skips the others, and the place of each among those unpacked."""
        wanted, codes, places = set(fields), ["<"], dict[str, int]()
        for name, code, _ in self._fields:
            if name in wanted:
                places[name] = len(places)
                codes.append(code)
            else:
                codes.append(f"{struct.calcsize(f'<{code}')}x")
        return struct.Struct("".join(codes)), places

    @cached_property
    def known_fields(self) -> dict[str, str]:
        """The field of each block that is true where the block knows the entity."""
        return {block.name: f"{_KNOWN}{number}" for number, block in enumerate(self.blocks)}


class Cell(msgspec.Struct, frozen=True):
    """The place of one column: a field, with one that is true where the column is null, or a place among the texts."""

    kind: ColumnType
    field: str | None
    null: str | None
    text: int | None


class Picker:
    """Reads some columns of records, in the order in which they were asked for.

    Attributes
    ----------
    blocks
        The blocks of these columns, in the order of `known`.
    """

    def __init__(self, layout: Layout, wanted: Sequence[tuple[str, str]]) -> None:
        cells = layout.cells_of(wanted)
        self.blocks = tuple(dict.fromkeys(name for name, _ in wanted))
        known = [layout.known_fields[name] for name in self.blocks]
        fields = [_ANY, *known, *(name for cell in cells for name in (cell.field, cell.null) if name is not None)]
        form, places = layout.format_of(fields)
        self._unpack = form.unpack_from
        self._known = _getter([places[name] for name in known])
        self._values = _getter([places[cell.field] if cell.field is not None else 0 for cell in cells])
        self._nulls = [(at, places[cell.null]) for at, cell in enumerate(cells) if cell.null is not None]
        self._times = [at for at, cell in enumerate(cells) if cell.kind == "timestamp"]
        self._texts = [(at, cell.text) for at, cell in enumerate(cells) if cell.text is not None]
        self._end = layout.size

    def __call__(self, record: Buffer) -> tuple[list[Any], tuple[int, ...]]:
        """Return the values, and for each of `blocks` whether it knows the entity.

        Floats are NaN where they are null, other values None. Instants are datetimes in UTC.
        """
        cells = self._unpack(record)
        values = list(self._values(cells))
        if self._times:
            for at in self._times:
                values[at] = from_micros(values[at])
        if cells[0]:
            for at, null in self._nulls:
                if cells[null]:
                    values[at] = None
        if self._texts:
            texts = _read_texts(record[self._end :])
            for at, place in self._texts:
                values[at] = texts[place]
        return values, self._known(cells)


_read_texts = msgspec.msgpack.Decoder(list[str | None]).decode


def _getter(places: Sequence[int]) -> Any:
    """Return what gives the items of these places as a tuple, also where there is one or none."""
    if len(places) > 1:
        return itemgetter(*places)
    return (lambda cells: (cells[places[0]],)) if places else (lambda cells: ())


def _whole(column: pa.Array, kind: ColumnType) -> np.ndarray:
    if kind == "timestamp":
        column = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    column = column.cast(pa.uint8() if kind == "bool" else pa.int64())
    values: np.ndarray = pc.fill_null(column, 0).to_numpy()
    return values
