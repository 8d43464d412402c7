"""The keys of records: an entity with the types of its key columns, and their values, as bytes."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import to_micros
from ml_platform.core.engines.exact_sums import combined
from ml_platform.declarations.source import ColumnType

LONGEST = 500
"""Bytes. A longer key is replaced by its hash: LMDB takes 511."""
_HASHED = b"\xff"
_SIGN = 2**63
_FLOAT = struct.Struct(">d")


@dataclass(frozen=True)
class RecordKeys:
    """How the keys of one entity's records are made.

    Attributes
    ----------
    entity
        The entity's name.
    types
        The types of its key columns, in their order.
    model
        Whose population the records show; "" for the records of feature tables and population rows.
    """

    entity: str
    types: tuple[ColumnType, ...]
    model: str = ""

    @property
    def kind(self) -> str:
        """The entity with its types, such as ``courier:string``: what distinguishes its records from others."""
        return f"{self.entity}:{','.join(self.types)}" + (f"/{self.model}" if self.model else "")

    @cached_property
    def prefix(self) -> bytes:
        """What every key begins with."""
        return self.kind.encode() + b"\0"

    def one(self, values: Sequence[Any]) -> bytes:
        """Return the key of one entity; none of its values is null."""
        parts = self._parts
        if len(parts) == 1:
            key = self.prefix + parts[0](values[0])
        else:
            key = self.prefix + b"".join([part(value) for part, value in zip(parts, values, strict=True)])
        return key if len(key) <= LONGEST else self._hashed(key)

    def many(self, columns: Sequence[pa.ChunkedArray]) -> list[bytes]:
        """Return the key of each row; the columns have no nulls."""
        parts = [
            _texts(column, framed) if kind == "string" else _fixed(column, kind)
            for column, kind, framed in zip(columns, self.types, self._framed, strict=True)
        ]
        prefix = self.prefix
        if len(parts) == 1:
            keys = [prefix + part for part in parts[0]]
        else:
            keys = [prefix + b"".join(row) for row in zip(*parts, strict=True)]
        if "string" not in self.types:
            return keys
        return [key if len(key) <= LONGEST else self._hashed(key) for key in keys]

    @cached_property
    def _framed(self) -> tuple[bool, ...]:
        """Whether each text is stored with its length: all but the last text, so that ``ab, c`` is not ``a, bc``."""
        return tuple(place < len(self.types) - 1 for place in range(len(self.types)))

    @cached_property
    def _parts(self) -> list[Callable[[Any], bytes]]:
        return [
            _framed_text if kind == "string" and framed else _ONE[kind]
            for kind, framed in zip(self.types, self._framed, strict=True)
        ]

    def _hashed(self, key: bytes) -> bytes:
        return self.prefix + _HASHED + hashlib.blake2b(key, digest_size=32).digest()


def _framed_text(value: str) -> bytes:
    text = value.encode()
    return len(text).to_bytes(4, "big") + text


_ONE: dict[str, Callable[[Any], bytes]] = {
    "int": lambda value: (value + _SIGN).to_bytes(8, "big"),
    "timestamp": lambda value: (to_micros(value) + _SIGN).to_bytes(8, "big"),
    "float": lambda value: _FLOAT.pack(value + 0.0),
    "bool": lambda value: b"\1" if value else b"\0",
    "string": str.encode,
}


def _texts(column: pa.ChunkedArray, framed: bool) -> list[bytes]:
    made = _framed_text if framed else str.encode
    return [made(value) for value in column.to_pylist()]


def _fixed(column: pa.ChunkedArray, kind: ColumnType) -> list[bytes]:
    """Return the bytes of numbers, which rise with them."""
    if kind == "timestamp":
        column = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    values = combined(pc.cast(column, pa.uint8()) if kind == "bool" else column).to_numpy()
    if kind == "bool":
        raw = np.ascontiguousarray(values, "u1")
    elif kind == "float":
        raw = np.ascontiguousarray(values + 0.0, ">f8")
    else:
        raw = (values.astype("u8") ^ np.uint64(_SIGN)).astype(">u8")
    keys: list[bytes] = raw.view(f"V{raw.itemsize}").tolist()
    return keys
