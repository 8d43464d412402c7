"""The population of a source's rows, each of which has its prediction time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from ml_platform.core.expressions import parse_expression
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.populations.population import Population, PopulationColumns
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.types import ExpressionText, Name


class RowPopulation(Population):
    """One question for each row of a source."""

    name: ClassVar[str] = "source"

    source: Name = Field(description="The source with one row per prediction.", examples=["orders"])
    prediction_time: ExpressionText = Field(
        description="When a prediction is needed: an expression over the source's columns.", examples=["placed_at + 1h"]
    )
    where: ExpressionText | None = Field(
        None, description="A condition on rows of the source. Other rows are left out.", examples=["items > 0"]
    )

    @property
    def owner(self) -> str:
        """The name of the source."""
        return self.source

    @property
    def asked(self) -> str:
        """The expression of the prediction time."""
        return self.prediction_time

    @property
    def conditions(self) -> Sequence[str]:
        """The condition on rows."""
        return () if self.where is None else (self.where,)

    @property
    def roles(self) -> Mapping[str, str]:
        """The source."""
        return {"population_rows": self.source, **super().roles}

    @property
    def time_columns(self) -> Sequence[str]:
        """The columns that the prediction time is made of."""
        return sorted(parse_expression(self.prediction_time).names)

    def node(self, tables: Mapping[str, FeatureTableSpec]) -> NodeName | None:
        """Return the source."""
        return NodeName("source", self.source)

    def columns_of(self, node: NodeName, source: SourceSpec, key: tuple[str, ...]) -> PopulationColumns:
        """Return all columns of the source."""
        return PopulationColumns(self.owner, node, source.columns, source.key)
