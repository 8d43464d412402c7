"""BigQuery, through Ibis. Its SQL is tested; it was not run against the service."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ml_platform.sources.reading.warehouse import WarehouseReader, WarehouseRows


class BigQueryReader(WarehouseReader):
    """A table or a query of BigQuery."""

    name: ClassVar[str] = "bigquery"
    title: ClassVar[str] = "BigQuery"
    module: ClassVar[str] = "google.cloud.bigquery"

    bigquery: WarehouseRows = Field(
        description="A connection, and a table or a query.",
        examples=[{"connection": "warehouse", "table": "shop.sales"}],
    )
