"""The declaration of a search for the parameters of a model's algorithm."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ml_platform.declarations.types import Declaration, JsonValue, Shorthand, Span

Number = int | float


class SearchSpace(Declaration):
    """The values of one parameter: a list of them, or a range."""

    choices: tuple[JsonValue, ...] | None = Field(
        None, strict=False, description="The values. A list is short for it.", examples=[["gbdt", "dart"]]
    )
    low: Number | None = Field(
        None, description="The smallest value. Two whole numbers are a range of them.", examples=[15]
    )
    high: Number | None = Field(None, description="The largest value.", examples=[255])
    log: bool = Field(
        False,
        description="Whether the range is searched on a logarithmic scale: 0.01 to 0.1 as often as 0.1 to 1.",
        examples=[True],
    )
    step: Number | None = Field(None, gt=0, description="The distance between two values.", examples=[0.05])

    @property
    def is_whole(self) -> bool:
        """Whether the range has whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int) and not isinstance(self.step, float)

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that show whether all of them are allowed: the choices, or both ends."""
        return self.choices if self.choices is not None else (self.low, self.high)

    @model_validator(mode="after")
    def _one_form(self) -> SearchSpace:
        if self.choices is not None:
            if self.model_fields_set - {"choices"}:
                raise ValueError("choices excludes low, high, log and step, found both. Remove one of both")
            if len(self.choices) < 2:
                raise ValueError("choices needs at least two values, found one. Set it in algorithm.params")
            if not all(item is None or isinstance(item, bool | int | float | str) for item in self.choices):
                raise ValueError("choices must be texts, numbers, true, false or null. Remove lists and mappings")
            return self
        if self.low is None or self.high is None or self.low >= self.high:
            raise ValueError("needs low below high, or a list of at least two values, such as {low: 15, high: 255}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs low above 0 and no step. Raise low, or remove log or step")
        return self


def _space(value: Any) -> Any:
    return {"choices": value} if isinstance(value, list | tuple) else value


SearchSpaceField = Annotated[SearchSpace, BeforeValidator(_space), Shorthand({"type": "array", "minItems": 2})]


class Tuning(Declaration):
    """A search for parameters of ``algorithm`` on the train and validate periods; the test period takes no part."""

    space: dict[str, SearchSpaceField] = Field(
        min_length=1,
        description="Parameters of the algorithm, as its library names them, each with a range or a list of values. "
        "Those in algorithm.params are tried first.",
        examples=[{"num_leaves": {"low": 15, "high": 255, "log": True}, "boosting": ["gbdt", "dart"]}],
    )
    trials: int = Field(50, ge=1, description="How many sets of parameters are tried.", examples=[50])
    budget: Span | None = Field(
        None,
        description="No trial begins after so much time of trials. Without it, only trials ends the search.",
        examples=["30m"],
    )
    score: Literal["proper", "value"] = Field(
        "proper",
        description="proper: the Brier score of classes, or for numbers the loss that the algorithm is fitted to. "
        "value: the gain over doing nothing, in money.",
        examples=["value"],
    )
    folds: int = Field(
        2,
        ge=1,
        description="How many periods judge a trial, each as long as split.validate. The last ends where the test "
        "period begins.",
        examples=[3],
    )
    seed: int = Field(0, ge=0, description="The seed of the search.", examples=[7])
