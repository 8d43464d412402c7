"""Ids, keys and canonical forms.

An artifact's *id* is the hash of its content. Its *key* is the hash of what decides
it (kind, declaration, code version, ids of its inputs) and only looks up the cache.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_MICROSECOND = timedelta(microseconds=1)


def canonical_json(value: Any) -> bytes:
    """Return the one JSON text of `value`: sorted keys, no spaces, UTC timestamps.

    Raises
    ------
    TypeError
        For a type without a canonical form, for NaN and infinities, and for a naive datetime.

    >>> canonical_json({"b": (1, 2), "a": None})
    b'{"a":null,"b":[1,2]}'
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError(f"{value} has no canonical form")
        return value
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, timedelta):
        return f"{value // _MICROSECOND}us"
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("only string keys have a canonical form")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form")


def format_instant(instant: datetime) -> str:
    """Return `instant` as ISO 8601 in UTC with microseconds and ``Z``."""
    if instant.tzinfo is None:
        raise TypeError(f"{instant} is naive: it has no canonical form")
    # not strftime: its years before 1000 have fewer than four digits, and cannot be parsed
    return f"{instant.astimezone(UTC).isoformat(timespec='microseconds').removesuffix('+00:00')}Z"


def content_id(value: Any) -> str:
    """Return the SHA-256 of `value`'s canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def bytes_hash(content: bytes) -> str:
    """Return the SHA-256 of `content`, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def cache_key(kind: str, declaration: Any, code_version: str, inputs: Mapping[str, str]) -> str:
    """Return the key of an artifact: equal key means that there is nothing to compute.

    Parameters
    ----------
    kind
        The kind of node, such as ``snapshot``.
    declaration
        The part of the declaration that decides the content: no description, no owner.
    code_version
        The kind's declared version, with the hash of the project's own code where it takes part.
    inputs
        Ids of the inputs by their role.
    """
    return content_id({"kind": kind, "declaration": declaration, "code": code_version, "inputs": dict(inputs)})


def frame_id(table: pa.Table) -> str:
    """Return the id of a table's content: column names, types and values, in the given row order.

    The layout in memory (chunks, offsets, dictionaries, what lies under a null) takes no part.
    Callers sort by a unique key first. -0.0 counts as 0.0; every NaN counts as the same NaN.
    """
    digest = hashlib.sha256()
    digest.update(canonical_json([[name, str(_normal_type(table[name].type))] for name in table.column_names]))
    digest.update(table.num_rows.to_bytes(8, "little"))
    for name in table.column_names:
        _hash_column(digest, table[name])
    return digest.hexdigest()


def _normal_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _normal_type(kind.value_type)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.large_string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz=kind.tz)
    if pa.types.is_list(kind):
        return pa.list_(pa.field("item", _normal_type(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _normal_type(field.type)) for field in kind])
    return kind


def _hash_column(digest: Any, column: pa.ChunkedArray) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type != _normal_type(column.type) and not pa.types.is_string(column.type):
        column = column.cast(_normal_type(column.type))
    valid = pc.is_valid(column).to_numpy(zero_copy_only=False) if column.null_count else None
    digest.update(b"\x01" * len(column) if valid is None else valid)
    kind = column.type
    if pa.types.is_null(kind):
        return
    if pa.types.is_list(kind):
        _hash_lists(digest, column)
        return
    if pa.types.is_struct(kind):
        for place in range(kind.num_fields):
            _hash_column(digest, pc.struct_field(column, place))
        return
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        _hash_texts(digest, column if valid is None else pc.fill_null(column, ""))
        return
    if pa.types.is_decimal(kind):
        for chunk in (column if valid is None else pc.fill_null(column, pa.scalar(0, kind))).chunks:
            digest.update(_numbers_of(chunk))
        return
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        column = column.cast(pa.int64())
    if valid is not None:
        column = pc.fill_null(column, False if pa.types.is_boolean(kind) else 0)
    for chunk in column.chunks:
        digest.update(_plain_numbers(chunk.to_numpy(zero_copy_only=False)))


def _hash_lists(digest: Any, column: pa.ChunkedArray) -> None:
    """Add the lengths of all lists, then their values, one after the other."""
    import pyarrow.compute as pc

    digest.update(pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype("<i8").tobytes())
    _hash_column(digest, pc.list_flatten(column))


def _plain_numbers(values: Any) -> bytes:
    """Return the bytes of numbers in their normal form: one byte order, one zero, one NaN."""
    if values.dtype.kind == "f":
        values = values + 0.0
        nothing = values != values
        if nothing.any():
            values[nothing] = float("nan")
    content: bytes = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    return content


def _hash_texts(digest: Any, column: pa.ChunkedArray) -> None:
    """Add the lengths of all strings, then their bytes, one after the other."""
    import numpy as np
    import pyarrow as pa

    offset = np.int32 if pa.types.is_string(column.type) else np.int64
    texts: list[Any] = []
    for chunk in column.chunks:
        _, offsets, content = chunk.buffers()
        if len(chunk) == 0:
            continue
        ends = np.frombuffer(offsets, dtype=offset)[chunk.offset : chunk.offset + len(chunk) + 1]
        digest.update(np.diff(ends).astype("<i8"))
        texts.append(b"" if content is None else memoryview(content)[ends[0] : ends[-1]])
    for text in texts:
        digest.update(text)


def _numbers_of(decimals: pa.Array) -> memoryview | bytes:
    """Return the bytes of all decimals, one after the other."""
    _, content = decimals.buffers()
    if content is None:
        return b""
    size = decimals.type.byte_width
    return memoryview(content)[decimals.offset * size : (decimals.offset + len(decimals)) * size]
