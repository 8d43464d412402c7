"""The features of one entity without any model: a feature table as it is published."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ml_platform.core.clock import from_micros, to_micros
from ml_platform.core.hashing import format_instant
from ml_platform.core.plain_values import json_value
from ml_platform.declarations.node_name import NodeName
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.row_values import RowReader, require_types
from ml_platform.storage.online.description import EntityRecords, PublishedTable
from ml_platform.storage.online.store import View


def table_features(view: View, table: str, row: Mapping[str, Any], at: datetime) -> Mapping[str, Any]:
    """Return the published features of an entity, with tick, age and history.

    Parameters
    ----------
    row
        The entity's key.
    at
        Now, by the project's clock.

    Raises
    ------
    RequestProblem
        For a table that is not published, and for a key that does not fit.
    """
    published, records = _published(view, table)
    if set(row) != set(records.keys):
        needed = ", ".join(records.keys)
        raise RequestProblem.row("wrong_column", f"a request for {table} has exactly the key {needed}. Send that.")
    key = require_types(RowReader(records.keys).read(row), records.keys)
    (record,) = view.get([records.record_keys.one([key[name] for name in records.keys])])
    block = str(NodeName("feature_table", table))
    names = next(list(item.columns) for item in records.blocks if item.name == block)
    values, known = records.layout.picker([(block, name) for name in names])(
        records.nothing if record is None else record
    )
    micros = to_micros(at)
    return {
        "table": table,
        "values": {name: json_value(value) for name, value in zip(names, values, strict=True)},
        "tick": format_instant(from_micros(published.tick)),
        "age_seconds": (micros - published.tick) / 1e6,
        "late": micros >= published.tick + published.refresh + published.publish_delay,
        "history": known[0] == 1,
    }


def _published(view: View, table: str) -> tuple[PublishedTable, EntityRecords]:
    published = view.description.tables.get(table)
    if published is None:
        known = ", ".join(sorted(view.description.tables)) or "none"
        text = f"no feature table of this name is published. There is: {known}. Tables of online models are published."
        raise RequestProblem(404, "unknown_table", text)
    block = str(NodeName("feature_table", table))
    for records in view.description.records.values():
        if any(item.name == block for item in records.blocks):
            return published, records
    raise AssertionError("a published table has records")
