"""The declaration of a model: what is predicted and when, from what, and what a decision is worth."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from ml_platform.core.errors import suggest
from ml_platform.declarations.calibrators import NO_CALIBRATION, CalibrationName, calibration_fault
from ml_platform.declarations.release import Release
from ml_platform.declarations.types import (
    Cron,
    Declaration,
    ExpressionText,
    JsonValue,
    Name,
    Owner,
    Shorthand,
    Span,
    exactly_one,
)
from ml_platform.declarations.yaml.pydantic_errors import show

Task = Literal["binary", "multiclass", "regression", "quantile"]


class Population(Declaration):
    """The rows on which production will ask for a prediction."""

    source: Name
    entity: Name
    prediction_time: ExpressionText = Field(description="Expression over the source's columns, such as sched_dep - 2h")
    where: ExpressionText | None = None


class Join(Declaration):
    """A feature table under a name of its own, for entities that other columns of a row name."""

    table: Name
    keys: dict[str, str] = Field(
        min_length=1,
        description="By key column of the table: a column of the population, or table.column of a feature",
    )


class Label(Declaration):
    """The truth, and the time after the prediction time at which it is settled for every row."""

    source: Name
    expression: ExpressionText
    horizon: Span
    missing: Literal["drop", "negative"] = "drop"


class Split(Declaration):
    """The stretches of time, oldest first, that end where labels are settled."""

    train: Span
    validate_: Span = Field(alias="validate")
    test: Span


class Algorithm(Declaration):
    """A fitted estimator by name: lightgbm, rule, constant, an allow-listed scikit-learn class, or module:Class."""

    name: str
    params: dict[str, JsonValue] = Field(default_factory=dict)
    expression: ExpressionText | None = Field(None, description="For rule: the expert's expression over features")
    monotone: dict[str, Literal["increasing", "decreasing"]] = Field(default_factory=dict)
    seed: int = 0


def _algorithm(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


AlgorithmField = Annotated[Algorithm, BeforeValidator(_algorithm), Shorthand({"type": "string"})]


class Value(Declaration):
    """What a row earns or costs, in the project's currency.

    Classification: `actions`, each an expression over columns known at prediction time and ``label``; the action
    with the highest expected payoff is recommended. Regression: one `payoff` over ``label``, ``prediction`` and
    columns. `do_nothing` names the action (or gives the prediction) that stands for having no model.
    """

    model_config = ConfigDict(json_schema_extra=exactly_one("actions", "payoff"))

    actions: dict[Name, ExpressionText] | None = None
    payoff: ExpressionText | None = None
    do_nothing: ExpressionText
    entities: Literal["sampled", "fixed"] = Field(
        "sampled",
        description="sampled: intervals speak of entities like these, so that one that comes again counts less; fixed: "
        "these entities are all that there will ever be",
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


_GATE = re.compile(r"(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)")


class Gate(Declaration):
    """A condition on one figure of the evaluation, written ``>= 0.7``."""

    operator: Literal["<", "<=", ">", ">="]
    limit: float

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


def _ages(value: Any) -> Any:
    return value if isinstance(value, dict) else {ALL_FEATURES: value}


ALL_FEATURES = "*"
"""What stands, among limits of age, for every feature that has no limit of its own."""

AgesField = Annotated[
    dict[str, Span], BeforeValidator(_ages), Shorthand({"type": "string", "pattern": r"^\+?\d+(us|w|d|h|m|s)$"})
]


class Deployment(Declaration):
    """How predictions are asked for."""

    batch: Cron = Field(description="When batch scoring runs: five cron fields and a time zone")
    late_rows: Literal["count", "score"] = Field(
        "count",
        description="Rows that become known only after their batch run. count: they get no prediction and are counted; "
        "score: they are scored at the first batch run that knows them, and marked late",
    )
    max_missed_share: float = Field(
        0.01,
        ge=0.0,
        le=1.0,
        description="The share of rows without a prediction in monitoring.window that raises an alert",
    )
    online: bool = Field(
        False,
        description="True: validate refuses what could not be had when a request comes. It starts no server",
    )
    approval: Literal["required"] | None = Field(
        None, description="required: a version is deployed only after a person approved it (ml-platform approve)"
    )


class Leaks(Declaration):
    """What is no leak, though it looks like one."""

    allow: tuple[str, ...] = Field(
        (),
        strict=False,
        description="Features (table.column, table.*, source.column) that may know what they know; label: rows that "
        "may be asked about when their label is known",
    )
    single_feature: float = Field(
        0.98,
        gt=0.5,
        le=1.0,
        description="How well one feature alone may tell the label: AUC for classes, else the variance it explains",
    )


class Monitoring(Declaration):
    """Over which rows the champion's features and scores are compared with those of its snapshot."""

    window: Span = Field(description="How long the current window is; at least a day, for whole weeks best 7d")
    min_rows: int = Field(200, ge=1, description="Fewer rows than this in the current window give no verdict")


class Retraining(Declaration):
    """When a model is made anew."""

    schedule: Cron | None = None
    on: tuple[Literal["drift"], ...] = Field((), strict=False)
    cooldown: Span | None = None


class ModelSpec(Declaration):
    """One model, as its author writes it."""

    spec_version: Literal[1]
    name: Name
    description: str
    owner: Owner
    task: Task
    quantile: float | None = Field(None, gt=0.0, lt=1.0)
    population: Population
    label: Label
    features: tuple[str, ...] = Field(min_length=1, strict=False, description="table.column, table.*, or source.column")
    joins: dict[Name, Join] = Field(default_factory=dict, description="Feature tables by other keys than their own")
    max_feature_age: AgesField = Field(
        default_factory=dict,
        description="How old the newest data of features may be when a prediction is asked for: one span, or spans by "
        "table and table.column",
    )
    transforms: tuple[str, ...] = Field((), strict=False, description="module:function in the project, in order")
    split: Split
    algorithm: AlgorithmField
    calibration: CalibrationName = NO_CALIBRATION
    baselines: tuple[AlgorithmField, ...] = Field((), strict=False)
    value: Value
    leaks: Leaks = Leaks()
    gates: dict[str, GateField] = Field(default_factory=dict)
    release: Release = Release()
    deployment: Deployment
    monitoring: Monitoring
    retraining: Retraining = Retraining()

    @model_validator(mode="after")
    def _task_fits(self) -> ModelSpec:
        if self.task == "quantile" and self.quantile is None:
            raise ValueError("task quantile needs the key quantile. Add it, such as quantile: 0.9")
        if self.task != "quantile" and self.quantile is not None:
            raise ValueError(f"quantile belongs to task quantile, found task {self.task}. Remove quantile")
        classes = self.task in ("binary", "multiclass")
        if classes != (self.value.actions is not None):
            needed, found = ("actions", "payoff") if classes else ("payoff", "actions")
            raise ValueError(f"task {self.task} needs value.{needed}, found value.{found}. Write value.{needed}")
        if fault := calibration_fault(self.calibration, self.task):
            raise ValueError(fault)
        return self
