"""The declaration of a gate: a condition on one figure of an evaluation."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from ml_platform.declarations.types import Declaration
from ml_platform.declarations.yaml.pydantic_errors import show

_GATE = re.compile(r"(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)")


class Gate(Declaration):
    """A condition on one figure of the evaluation, written ``>= 0.7``."""

    operator: Literal["<", "<=", ">", ">="] = Field(description="How the figure is compared.", examples=[">="])
    limit: float = Field(description="What the figure is compared with.", examples=[0.7])

    def holds(self, figure: float) -> bool:
        """Return whether `figure` meets the condition; NaN never does."""
        return {
            "<": figure < self.limit,
            "<=": figure <= self.limit,
            ">": figure > self.limit,
            ">=": figure >= self.limit,
        }[self.operator]

    def __str__(self) -> str:
        return f"{self.operator} {self.limit:g}"


def _gate(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _GATE.fullmatch(value.strip())
    if not match:
        raise ValueError(f"{show(value)} is not a gate. Write a comparison and a number, such as '>= 0.7'")
    return {"operator": match.group(1), "limit": float(match.group(2))}


GateField = Annotated[
    Gate,
    BeforeValidator(_gate),
    WithJsonSchema({"type": "string", "pattern": rf"^\s*{_GATE.pattern}\s*$", "examples": [">= 0.7"]}),
]
