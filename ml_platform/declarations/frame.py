"""The declaration of a model's frame: its rows, their labels, other keys of feature tables, and the split."""

from __future__ import annotations

from pydantic import Field

from ml_platform.declarations.types import Declaration, ExpressionText, Name, Span


class Population(Declaration):
    """The rows on which production will ask for a prediction."""

    source: Name = Field(description="The source with one row per prediction.", examples=["orders"])
    entity: Name = Field(
        description="What a row is about: an entity of project.yaml. One prediction is made per entity key and time.",
        examples=["order"],
    )
    prediction_time: ExpressionText = Field(
        description="When a prediction is needed: an expression over the source's columns.", examples=["placed_at + 1h"]
    )
    where: ExpressionText | None = Field(
        None, description="A condition on rows of the source. Other rows are left out.", examples=["items > 0"]
    )


class Join(Declaration):
    """A feature table under another name, looked up by other columns than its entity's key columns."""

    table: Name = Field(description="The feature table to look up.", examples=["airport_now"])
    keys: dict[str, str] = Field(
        min_length=1,
        description="For each key column of the table, the column that holds its value: a column of the population, or "
        "table.column of another feature table.",
        examples=[{"airport": "destination"}],
    )


class Split(Declaration):
    """Three periods of time, one after another, that end at the newest settled label."""

    train: Span = Field(description="How long the oldest period is, from which the model is fitted.", examples=["28d"])
    validate_: Span = Field(
        alias="validate",
        description="How long the next period is, which ends fitting early and fits the calibration.",
        examples=["7d"],
    )
    test: Span = Field(
        description="How long the newest period is, on which the model is evaluated in money. Release needs 14 days.",
        examples=["14d"],
    )
