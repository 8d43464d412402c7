"""The declaration of a model's frame beside its rows and their labels: other keys of feature tables, and the split."""

from __future__ import annotations

from pydantic import Field

from ml_platform.declarations.types import Declaration, Name, Span


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
