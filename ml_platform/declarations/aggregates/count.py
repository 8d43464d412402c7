"""How many rows there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from ml_platform.declarations.aggregates.feature import Feature
from ml_platform.declarations.aggregates.parts import PartialAggregate


class Count(Feature):
    """Rows."""

    name = "count"
    summary = "How many rows there are; 0 where there is no row."
    gives = "int"

    count: Literal[True] = Field(description="Write true.", examples=[True])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return the number of rows."""
        return {"rows": PartialAggregate("rows", None, self.where)}
