"""What the modules that keep something in the database declare their tables with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ml_platform.core.hashing import format_instant

METADATA = sa.MetaData()
PERSONAL: dict[str, Any] = {"personal": True}
"""The `info` of a column whose texts may hold a person's key: erasing masks the key there."""
UNBOUND = "unbound"
"""What the `info` of a table has that the row log does not bind: the reason, in a sentence."""


class Instant(sa.types.TypeDecorator[datetime]):
    """A timezone-aware instant, kept as ISO 8601 text in UTC, so that it sorts and compares everywhere."""

    impl = sa.String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> str | None:
        """Return the text that is stored."""
        return None if value is None else format_instant(value)

    def process_result_value(self, value: str | None, dialect: Any) -> datetime | None:
        """Return the instant that was stored."""
        return None if value is None else datetime.fromisoformat(value)
