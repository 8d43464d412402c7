"""The backtest of each model that declares one: trained at several past origins, and judged on the time after each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pydantic import Field, field_validator

from ml_platform.core.clock import format_duration
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_kinds.study import StudyNode
from ml_platform.declarations.types import Declaration, Span

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_JUDGED = 3
"""Without `every`, at most one of so many days of the snapshot is judged, and the rest is left to be fitted."""


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

    def spacing(self, whole: timedelta) -> timedelta:
        """Return the time between two origins, in a snapshot as long as `whole`."""
        return self.every or min(_WEEK, max(whole // (_JUDGED * self.origins) // _DAY * _DAY, _DAY))

    def shortage(self, whole: timedelta, validate: timedelta) -> str | None:
        """Return why a snapshot as long as `whole` has too few days for these origins; None where it has enough.

        Parameters
        ----------
        validate
            The validate period of the model: twice as much must be left before the first origin.
        """
        every = self.spacing(whole)
        before = whole - self.origins * every
        if before >= 2 * validate:
            return None
        most = (whole - 2 * validate) // every
        remedy = f"Take at most {most} origins" if most >= 2 else "Lengthen split.train, or let every be shorter"
        rest = f"{before / _DAY:.3g} of" if before > timedelta(0) else "nothing of"
        return (
            f"{self.origins} origins {format_duration(every)} apart leave {rest} the snapshot's {whole / _DAY:.3g} "
            f"days to fit, and at least twice split.validate ({format_duration(2 * validate)}) is needed. {remedy}"
        )


class BacktestNode(StudyNode):
    """The backtest of each model that declares ``nodes: {backtest: {}}``."""

    name = "backtest"
    version = 2
    stage = "make"
    purpose = "The model trained at several past instants, and what it earned after each"
    Options = BacktestOptions

    @classmethod
    def problems(cls, model: ModelSpec, options: Any) -> Iterator[tuple[str, str]]:
        """Yield that the declared periods have too few days for the origins."""
        split = model.split
        shortage = options.shortage(split.train + split.validate_ + split.test, split.validate_)
        if shortage is not None:
            yield "origins", shortage
