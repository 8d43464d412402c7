"""The population of every entity that qualifies at each tick of a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from ml_platform.core.clock import Schedule
from ml_platform.core.errors import ExpressionError
from ml_platform.core.expressions import parse_expression
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.populations.population import Population, PopulationColumns
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.types import Cron, ExpressionText

OWNER = "population"
"""The part before the dot in the names of the columns of such a question: of the entity's key."""


class TickPopulation(Population):
    """One question for each tick and entity for which a condition over features holds."""

    name: ClassVar[str] = "every"

    every: Cron = Field(
        description="When every entity that qualifies is asked about: five cron fields and a time zone. These are the "
        "batch runs, so that deployment.batch is not needed.",
        examples=["0 6 * * 1 America/New_York"],
    )
    while_: ExpressionText = Field(
        alias="while",
        description="Which entities qualify: a condition over features, table.column, as they are known at the tick. "
        "Of these tables, those of the population's entity determine the entities.",
        examples=["shopping.visits_84d > 0"],
    )

    @property
    def owner(self) -> str:
        """A name of its own: no source brings the key."""
        return OWNER

    @property
    def asked(self) -> str:
        """The schedule and the condition."""
        return f"every {self.every.text}, while {self.while_}"

    @property
    def asked_by(self) -> str:
        """The entity with its condition."""
        return f"the {self.entity} while {self.while_}"

    @property
    def question_columns(self) -> tuple[str, ...]:
        """The tick: an entity is asked about again at the next one."""
        return ("effective_time",)

    @property
    def references(self) -> tuple[str, ...]:
        """The features that the condition reads; none where it cannot be read."""
        try:
            return tuple(sorted(parse_expression(self.while_).names))
        except ExpressionError:
            return ()

    @property
    def schedule(self) -> Schedule:
        """The ticks."""
        return self.every

    @property
    def asks_at_runs(self) -> bool:
        """True: the tick is the prediction time."""
        return True

    def naming(self, tables: Mapping[str, FeatureTableSpec]) -> tuple[str, ...]:
        """Return the feature tables that list the entities: those of its entity that the condition reads."""
        owners = dict.fromkeys(name.partition(".")[0] for name in self.references)
        return tuple(owner for owner in owners if owner in tables and tables[owner].entity == self.entity)

    def node(self, tables: Mapping[str, FeatureTableSpec]) -> NodeName | None:
        """Return the first feature table that lists the entities."""
        naming = self.naming(tables)
        return NodeName("feature_table", naming[0]) if naming else None

    def columns_of(self, node: NodeName, source: SourceSpec, key: tuple[str, ...]) -> PopulationColumns:
        """Return the key of the entity."""
        columns = {name: source.columns[name] for name in key if name in source.columns}
        return PopulationColumns(self.owner, node, columns, key)
