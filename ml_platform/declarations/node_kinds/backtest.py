"""The backtest of each model that declares one: trained at several past origins, and judged on the time after each."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from ml_platform.core.clock import format_duration
from ml_platform.declarations.node_kinds.study import StudyNode
from ml_platform.declarations.types import Declaration, Span


class BacktestOptions(Declaration):
    """How often a model is trained in the past."""

    origins: int = Field(6, ge=2, le=60, description="At how many past instants the model is trained.", examples=[10])
    every: Span | None = Field(
        None,
        description="The time between two origins, in whole days. Without it 7d, or less where the snapshot has too "
        "few days.",
        examples=["7d"],
    )
    seeds: int = Field(
        2,
        ge=1,
        le=10,
        description="How many seeds the model is trained with at each origin: more than one shows luck.",
        examples=[3],
    )

    @field_validator("every", mode="after")
    @classmethod
    def _whole_days(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value % timedelta(days=1):
            raise ValueError(f"must be whole days, found {format_duration(value)}. Give days, such as 7d")
        return value


class BacktestNode(StudyNode):
    """The backtest of each model that declares ``nodes: {backtest: {}}``."""

    name = "backtest"
    version = 1
    stage = "make"
    purpose = "The model trained at several past instants, and what it earned after each"
    Options = BacktestOptions
