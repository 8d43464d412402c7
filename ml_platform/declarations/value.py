"""The declaration of what a row earns or costs."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from ml_platform.core.errors import suggest
from ml_platform.declarations.types import Declaration, ExpressionText, Name, exactly_one


class Value(Declaration):
    """What a row earns or costs, in the project's currency.

    Classification declares `actions`; tasks that predict a number declare one `payoff`.
    """

    model_config = ConfigDict(json_schema_extra=exactly_one("actions", "payoff"))

    actions: dict[Name, ExpressionText] | None = Field(
        None,
        description="For classification: what each action earns, over label and columns known at prediction time. The "
        "action with the highest expected payoff is recommended.",
        examples=[{"upgrade": "-4 + label * 9", "wait": "0"}],
    )
    payoff: ExpressionText | None = Field(
        None,
        description="For numbers: what a prediction earns, over label, prediction and columns known at prediction "
        "time.",
        examples=["-abs(label - prediction)"],
    )
    do_nothing: ExpressionText = Field(
        description="What would happen without a model: the name of an action, or for numbers the prediction that is "
        "used in place of one.",
        examples=["wait"],
    )
    entities: Literal["sampled", "fixed"] = Field(
        "sampled",
        description="What intervals generalize to. sampled: to other entities like these; fixed: only to these, "
        "because there will never be others.",
        examples=["fixed"],
    )

    @model_validator(mode="after")
    def _actions_or_payoff(self) -> Value:
        if (self.actions is None) == (self.payoff is None):
            found = "neither" if self.actions is None else "both"
            raise ValueError(f"give either actions (classification) or payoff (regression), found {found}")
        if self.actions is not None and self.do_nothing not in self.actions:
            raise ValueError(
                f"do_nothing names no action, found {self.do_nothing}. {suggest(self.do_nothing, self.actions)}"
            )
        return self
