"""How many rows there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from ml_platform.declarations.aggregates.feature import Feature
from ml_platform.declarations.aggregates.parts import Part


class Count(Feature):
    """Rows."""

    name = "count"
    summary = "How many rows there are; 0 over no row."
    gives = "int"

    count: Literal[True] = Field(description="Write true.", examples=[True])

    def parts(self) -> Mapping[str, Part]:
        """Return the number of rows."""
        return {"rows": Part("rows", None, self.where)}
