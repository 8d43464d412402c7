"""The declaration of a control group: who is held out, and what is compared."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ml_platform.declarations.types import Declaration, ExpressionText, Name, Shorthand


class Control(Declaration):
    """A share of the entities that gets ``do_nothing``, so that the effect of the recommendations can be measured."""

    share: float = Field(
        gt=0.0,
        le=0.5,
        description="The share of entities that is held out at random. Each entity is always in or always out.",
        examples=[0.05],
    )
    earned: dict[Name, ExpressionText] | None = Field(
        None,
        description="For each action, what a row earned whose label became known after the action was taken. Needed "
        "where an action changes the label: the payoffs in actions are for a label that no action changes. The "
        "default is actions.",
        examples=[{"call": "-2 - label * 20", "wait": "-label * 20"}],
    )


def _control(value: Any) -> Any:
    return {"share": value} if isinstance(value, float | int) and not isinstance(value, bool) else value


ControlField = Annotated[Control | None, BeforeValidator(_control), Shorthand({"type": "number"})]
