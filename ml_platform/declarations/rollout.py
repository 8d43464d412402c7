"""The declaration of a rollout: the stages that a new version goes through before it answers every request."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from ml_platform.core.clock import format_duration
from ml_platform.declarations.types import Declaration, Span, exactly_one
from ml_platform.declarations.yaml.pydantic_errors import show

_LATENCY = re.compile(r"(\d+(?:\.\d+)?)(x|us|ms|s)")
_MICROS = {"us": 1.0, "ms": 1e3, "s": 1e6}


def _latency(value: Any) -> str:
    match = _LATENCY.fullmatch(value) if isinstance(value, str) else None
    if match is None or float(match[1]) <= 0:
        raise ValueError(f"{show(value)} is no limit. Write a multiple of the champion's latency, 1.5x, or 20ms")
    return match[0]


Latency = Annotated[
    str, BeforeValidator(_latency), WithJsonSchema({"type": "string", "pattern": rf"^{_LATENCY.pattern}$"})
]


class RolloutStage(Declaration):
    """One stage: in shadow no answer is the candidate's, in canary those for a share of the entities are."""

    model_config = ConfigDict(json_schema_extra=exactly_one("shadow", "canary"))

    shadow: Span | None = Field(
        None,
        description="The candidate predicts beside the champion for this long. Only the champion's answers are given.",
        examples=["1d"],
    )
    canary: float | None = Field(
        None,
        gt=0.0,
        lt=1.0,
        description="The share of the entities that get the candidate's answers, each always the same version's.",
        examples=[0.1],
    )
    lasts_for: Span | None = Field(None, alias="for", description="How long a canary lasts.", examples=["2d"])
    max_latency: Latency = Field(
        "2x",
        description="The candidate's latency, which 95 % of its predictions keep below: as a multiple of the "
        "champion's, or in us, ms or s. A higher latency ends the rollout.",
        examples=["1.5x", "20ms"],
    )
    max_errors: float = Field(
        0.001,
        ge=0.0,
        lt=1.0,
        description="The share of rows that the champion can answer and the candidate cannot. "
        "A higher share ends the rollout.",
        examples=[0.01],
    )
    min_rows: int = Field(
        100,
        ge=1,
        description="How many rows the candidate must have predicted before a limit is applied or the stage is over.",
        examples=[1000],
    )
    require: Literal["not worse", "better"] = Field(
        "not worse",
        description="not worse: the stage is passed when its time is over, unless the candidate earns less beyond "
        "doubt. better: it waits until the candidate earns more beyond doubt.",
        examples=["better"],
    )
    at_most: Span | None = Field(
        None,
        description="Only with require better: how long the stage may last in all. Then the rollout ends.",
        examples=["14d"],
    )
    confidence: float = Field(
        0.95,
        ge=0.5,
        lt=1.0,
        description="How sure it must be that the candidate earns less or more. It holds however often one looks.",
        examples=[0.99],
    )

    @model_validator(mode="after")
    def _one_kind(self) -> RolloutStage:
        if (self.shadow is None) == (self.canary is None):
            written = "neither" if self.shadow is None else "both"
            raise ValueError(f"a stage has either shadow: SPAN or canary: SHARE, found {written}")
        if (self.canary is None) != (self.lasts_for is None):
            raise ValueError("a canary has for: SPAN, and a shadow stage has its time in shadow: SPAN")
        if self.at_most is not None and (self.require != "better" or self.at_most < self.time):
            raise ValueError("at_most goes with require: better, and is at least the time of the stage")
        return self

    @property
    def kind(self) -> Literal["shadow", "canary"]:
        """What the stage is."""
        return "shadow" if self.canary is None else "canary"

    @property
    def time(self) -> timedelta:
        """How long the stage lasts at least."""
        duration = self.shadow or self.lasts_for
        assert duration is not None
        return duration

    @property
    def share(self) -> float:
        """The share of the entities that the candidate answers for."""
        return self.canary or 0.0

    @property
    def words(self) -> str:
        """The stage in words."""
        share = f" with {100 * self.share:.3g} % of the entities" if self.canary else ""
        return f"{self.kind}{share} for {format_duration(self.time)}"

    def latency_limit(self, champion: float) -> float:
        """Return the limit of the candidate's latency, by the champion's, both in microseconds."""
        match = _LATENCY.fullmatch(self.max_latency)
        assert match is not None
        return float(match[1]) * (champion if match[2] == "x" else _MICROS[match[2]])
