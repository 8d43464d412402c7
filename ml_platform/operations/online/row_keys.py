"""The keys of records from the columns of a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ml_platform.storage.online.record_keys import RecordKeys

KeyOf = Callable[[Any], bytes | None]


def key_of(record_keys: RecordKeys, columns: Sequence[Any]) -> KeyOf:
    """Return what gives the key of a record from the columns of a row, each by its name or its place.

    None where one is null, or not there.
    """
    one = record_keys.one
    if len(columns) == 1 and "float" not in record_keys.types:
        (column,) = columns

        def of_one(row: Any) -> bytes | None:
            value = row[column]
            return None if value is None else one((value,))

        return of_one

    def of_all(row: Any) -> bytes | None:
        key = [row[column] for column in columns]
        return None if any(value is None or value != value for value in key) else one(key)

    return of_all
