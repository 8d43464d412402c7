"""What all kinds of populations have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from ml_platform.core.clock import Schedule
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.source import Column, SourceSpec
from ml_platform.declarations.types import Declaration, ExpressionText, Name, Shorthand


@dataclass(frozen=True)
class PopulationColumns:
    """The columns that a question itself brings.

    Attributes
    ----------
    name
        The part before the dot in their names.
    node
        Where they come from: a source, or the feature table that names the entities.
    key
        The columns that distinguish the rows of one batch run.
    """

    name: str
    node: NodeName
    columns: Mapping[str, Column]
    key: tuple[str, ...]


class Until(Declaration):
    """The rows with which an entity leaves."""

    source: Name = Field(description="The source of the outcome, with the key of the entity.", examples=["churn"])
    where: ExpressionText | None = Field(
        None, description="A condition on its rows. With other rows no entity leaves.", examples=["kind == 'ended'"]
    )


def _until(value: Any) -> Any:
    return {"source": value} if isinstance(value, str) else value


UntilField = Annotated[Until | None, BeforeValidator(_until), Shorthand({"type": "string"})]


class Population(Declaration):
    """The questions that production will ask: about which entity, and when. Extend it in one file for each kind.

    Attributes
    ----------
    name
        The key that only this kind has.
    """

    name: ClassVar[str]

    entity: Name = Field(
        description="What a row is about: an entity of project.yaml. One prediction is made per entity key and time.",
        examples=["order"],
    )

    until: UntilField = Field(
        None,
        description="The source of the outcome after which an entity is not asked about: it leaves with the first row "
        "that is known at the batch run, with its event by then. A source, or a source with a condition.",
        examples=["churn", {"source": "contracts", "where": "kind == 'ended'"}],
    )
    sample: float | None = Field(
        None,
        gt=0.0,
        le=1.0,
        description="The share of entities that is asked about, drawn at each batch run from the entity's key "
        "and the run alone. It holds for training and for production.",
        examples=[0.1],
    )
    max_rows: int | None = Field(
        None,
        ge=1,
        description="How many questions a batch run has at most. Which ones is drawn as for sample; the others are "
        "counted.",
        examples=[100000],
    )

    @property
    @abstractmethod
    def owner(self) -> str:
        """The part before the dot in the names of its columns."""

    @property
    @abstractmethod
    def asked(self) -> str:
        """When a prediction is needed, as people read it."""

    @property
    def asked_by(self) -> str:
        """What asks, in words."""
        return "the population row"

    @property
    def conditions(self) -> Sequence[str]:
        """The expressions over its own columns that decide who is asked about."""
        return ()

    @property
    def time_columns(self) -> Sequence[str]:
        """The columns of its own that the prediction time is made of."""
        return ()

    @property
    def question_columns(self) -> tuple[str, ...]:
        """The columns of the frame, beside the key of its own columns, that distinguish questions."""
        return ()

    @property
    def roles(self) -> Mapping[str, str]:
        """The names of the sources that it reads itself, by what for."""
        return {} if self.until is None else {"until_rows": self.until.source}

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources that it reads itself."""
        return tuple(dict.fromkeys(self.roles.values()))

    @property
    def references(self) -> tuple[str, ...]:
        """The features, ``table.column``, that decide who is asked about."""
        return ()

    @property
    def schedule(self) -> Schedule | None:
        """The batch runs, where the population declares when they are."""
        return None

    @property
    def asks_at_runs(self) -> bool:
        """Whether the batch run is the prediction time, so that no question waits for it."""
        return False

    @abstractmethod
    def node(self, tables: Mapping[str, FeatureTableSpec]) -> NodeName | None:
        """Return where its columns come from; None where that is not declared."""

    @abstractmethod
    def columns_of(self, node: NodeName, source: SourceSpec, key: tuple[str, ...]) -> PopulationColumns:
        """Return its columns.

        Parameters
        ----------
        source
            Of `node`, or of its rows.
        key
            The key of its entity.
        """

    @classmethod
    def declared_fields(cls) -> Mapping[str, Any]:
        """Return the fields that a declaration may have; of this class, those of every kind of population."""
        kinds = cls.__subclasses__() or [cls]
        return {name: field for kind in kinds for name, field in kind.model_fields.items()}
