"""Snowflake, through Ibis. Its SQL is tested; it was not run against the service."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field

from ml_platform.sources.reading.warehouse import WarehouseReader, WarehouseRows


class SnowflakeReader(WarehouseReader):
    """A table or a query of Snowflake."""

    name: ClassVar[str] = "snowflake"
    title: ClassVar[str] = "Snowflake"
    module: ClassVar[str] = "snowflake.connector"
    options: ClassVar[Mapping[str, Any]] = MappingProxyType({"create_object_udfs": False})  # it only reads

    snowflake: WarehouseRows = Field(
        description="A connection, and a table or a query.",
        examples=[{"connection": "warehouse", "table": "shop.sales"}],
    )
