"""The declaration of a choice: which of a model's algorithms becomes the model."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ml_platform.declarations.types import Declaration, Shorthand

SIMPLEST = "simplest"


class Choose(Declaration):
    """The simplest algorithm that is good enough, measured in money on the validate period.

    The order is that of ``baselines``, the simplest first, and then ``algorithm``.
    """

    simplest_within: float = Field(
        0.02,
        ge=0.0,
        lt=1.0,
        description="How much of the best gain over doing nothing a simpler algorithm may lack, as a share.",
        examples=[0.05],
    )


def _choose(value: Any) -> Any:
    return {} if value == SIMPLEST else value


ChooseField = Annotated[Choose | None, BeforeValidator(_choose), Shorthand({"const": SIMPLEST})]
