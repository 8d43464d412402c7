"""The declaration of what a row earns or costs."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from ml_platform.core.errors import suggest
from ml_platform.declarations.control import ControlField
from ml_platform.declarations.daily_limit import DailyLimit
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

    capacity: dict[Name, DailyLimit] | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="How many rows a day may get one of the actions, with the time zone of the day. The rows with the "
        "largest expected gain over the best other action get it.",
        examples=[{"upgrade": "200 per day Europe/Berlin"}],
    )
    control: ControlField = Field(
        None,
        description="The share of entities that is held out at random and gets do_nothing, so that the effect of the "
        "recommendations can be measured; with earned, what is compared.",
        examples=[0.05, {"share": 0.05, "earned": {"upgrade": "-4 - label * 30", "wait": "-label * 30"}}],
    )
    taken: Name | None = Field(
        None,
        description="The source whose rows report which action was taken: its key is prediction_id, and it has a "
        "column action. A prediction without a row counts as do_nothing.",
        examples=["calls_made"],
    )
    unit: Literal["points"] | None = Field(
        None,
        description="points: the amounts are no money yet. The default is the project's currency.",
        examples=["points"],
    )

    @classmethod
    def in_points(cls, task: str, quantile: float | None) -> Value | None:
        """Return the value of a model that declares none, by its task; None for several classes.

        A true yes earns a point and a false one costs a point. For numbers each unit of the absolute error costs a
        point, for a quantile each unit of the pinball loss (Koenker and Bassett 1978). Doing nothing is a no, or
        predicting 0.
        """
        if task == "binary":
            return cls(actions={"yes": "label * 2 - 1", "no": "0"}, do_nothing="no", unit="points")
        if task == "regression":
            return cls(payoff="-abs(label - prediction)", do_nothing="0", unit="points")
        if task == "quantile" and quantile is not None:
            loss = f"max({quantile:.12g} * (label - prediction), {1 - quantile:.12g} * (prediction - label))"
            return cls(payoff=f"-{loss}", do_nothing="0", unit="points")
        return None

    @model_validator(mode="after")
    def _actions_or_payoff(self) -> Value:
        if (self.actions is None) == (self.payoff is None):
            written = "neither" if self.actions is None else "both"
            raise ValueError(f"give either actions (classification) or payoff (regression), found {written}")
        if self.actions is not None and self.do_nothing not in self.actions:
            raise ValueError(
                f"do_nothing names no action, found {self.do_nothing}. {suggest(self.do_nothing, self.actions)}"
            )
        return self

    @model_validator(mode="after")
    def _limits_are_of_actions(self) -> Value:
        for key in ("control", "taken"):
            if self.actions is None and getattr(self, key) is not None:
                raise ValueError(f"{key} is about actions, and payoff has none. Remove {key}")
        earned = self.control.earned if self.control else None
        if earned is not None and set(earned) != set(self.actions or {}):
            listed_actions = ", ".join(self.actions or {})
            raise ValueError(f"control.earned needs each action once: {listed_actions}, found {', '.join(earned)}")
        for name in self.capacity or {}:
            if self.actions is None:
                raise ValueError("capacity limits an action, and payoff has none. Remove capacity")
            if name not in self.actions:
                raise ValueError(f"capacity names no action, found {name}. {suggest(name, self.actions)}")
            if name == self.do_nothing:
                raise ValueError(f"capacity limits {name}, which is do_nothing. Limit an action that costs something")
        return self
