"""The declaration of a model: what is predicted and when, from what, and what a decision is worth."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator, model_validator

from ml_platform.core.clock import Schedule
from ml_platform.declarations.calibrators import NO_CALIBRATION, CalibrationName, calibration_fault
from ml_platform.declarations.choice import ChooseField
from ml_platform.declarations.frame import Join, Split
from ml_platform.declarations.gate import GateField
from ml_platform.declarations.in_production import NO_DEPLOYMENT, Deployment, Monitoring, Retraining
from ml_platform.declarations.label import AnyLabel
from ml_platform.declarations.populations.any_population import AnyPopulation
from ml_platform.declarations.refit import RefitField
from ml_platform.declarations.release import Release
from ml_platform.declarations.tuning import Tuning
from ml_platform.declarations.types import (
    Declaration,
    Description,
    ExpressionText,
    JsonValue,
    Name,
    Owner,
    Shorthand,
    Span,
    SpecVersion,
)
from ml_platform.declarations.value import Value

Task = Literal["binary", "multiclass", "regression", "quantile"]


class Algorithm(Declaration):
    """An algorithm by name, with its parameters."""

    name: str = Field(
        description="An algorithm of the reference, or module:Class for an estimator in the project's code.",
        examples=["lightgbm", "my_models:Churn"],
    )
    params: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Its parameters, as its library names them. The defaults are the library's.",
        examples=[{"num_leaves": 63}],
    )
    expression: ExpressionText | None = Field(
        None,
        description="Only for rule: the prediction, as an expression over features (table.column).",
        examples=["courier_recent.late_share_7d > 0.5"],
    )
    monotone: dict[str, Literal["increasing", "decreasing"]] = Field(
        default_factory=dict,
        description="Features that may only raise or only lower the prediction.",
        examples=[{"courier_recent.mean_late_7d": "increasing"}],
    )
    seed: int = Field(0, description="The seed of everything random in the fit.", examples=[7])


def _algorithm(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


AlgorithmField = Annotated[Algorithm, BeforeValidator(_algorithm), Shorthand({"type": "string"})]


def _ages(value: Any) -> Any:
    return value if isinstance(value, dict) else {ALL_FEATURES: value}


ALL_FEATURES = "*"
"""The key, among limits of age, for every feature that no other key names."""

AgesField = Annotated[
    dict[str, Span], BeforeValidator(_ages), Shorthand({"type": "string", "pattern": r"^\+?\d+(us|w|d|h|m|s)$"})
]


class Leakage(Declaration):
    """Features that are exempt from the leakage checks, and the limit of one of them."""

    allow: tuple[str, ...] = Field(
        (),
        strict=False,
        description="Features that are legitimately available at prediction time although they predict the label "
        "almost alone: table.column, table.* or source.column. label: rows whose label is already known at prediction "
        "time.",
        examples=[["bookings.confirmed"]],
    )
    single_feature: float = Field(
        0.98,
        gt=0.5,
        le=1.0,
        description="How well a single feature may predict the label: its AUC for classes, the share of variance that "
        "it explains for numbers. More is a leak, and training stops.",
        examples=[0.995],
    )


def _value(declared: dict[str, Any]) -> Any:
    return Value.in_points(declared.get("task", ""), declared.get("quantile"))


class ModelSpec(Declaration):
    """One model: what is predicted and when, from what, and what a decision is worth."""

    spec_version: SpecVersion = 1
    name: Name = Field(
        "",
        description="The name of the model. Its versions are name@1, name@2. It equals the file's name.",
        examples=["late_parcel"],
    )
    description: Description = ""
    owner: Owner = ""
    task: Task = Field(
        description="binary: true or false; multiclass: one of several texts; regression: a number; quantile: the "
        "number below which a share of labels lies.",
        examples=["binary"],
    )
    quantile: float | None = Field(
        None, gt=0.0, lt=1.0, description="Only for task quantile: that share.", examples=[0.9]
    )
    population: AnyPopulation = Field(
        description="The rows for which production needs a prediction, and when.",
        examples=[{"source": "orders", "entity": "order", "prediction_time": "placed_at + 1h"}],
    )
    label: AnyLabel = Field(
        description="What is predicted, and when the truth is settled.",
        examples=[{"source": "deliveries", "expression": "minutes_late >= 30", "horizon": "1d"}],
    )
    features: tuple[str, ...] = Field(
        min_length=1,
        strict=False,
        description="The inputs of the model: table.column or table.* of a feature table, or source.column of the "
        "population.",
        examples=[["courier_recent.*", "orders.items"]],
    )
    joins: dict[Name, Join] = Field(
        default_factory=dict,
        description="Feature tables under another name, looked up by other columns.",
        examples=[{"arrival_airport": {"table": "airport_now", "keys": {"airport": "destination"}}}],
    )
    max_feature_age: AgesField = Field(
        default_factory=dict,
        description="How old the newest data of features may be at prediction time: one span for all, or a span for "
        "each table or table.column. validate refuses features that can be older.",
        examples=["6h", {"courier_recent": "2h"}],
    )
    transforms: tuple[str, ...] = Field(
        (),
        strict=False,
        description="Functions of the project, module:function, that add columns to the features, in this order.",
        examples=[["calendar_features:add_weekday"]],
    )
    split: Split = Field(
        description="How long the train, validate and test periods are.",
        examples=[{"train": "28d", "validate": "7d", "test": "14d"}],
    )
    algorithm: AlgorithmField = Field(
        Algorithm(name="lightgbm"),
        description="What is fitted: a name, or a name with parameters.",
        examples=["lightgbm", {"name": "lightgbm", "params": {"num_leaves": 63}}],
    )
    tuning: Tuning | None = Field(
        None,
        description="A search for parameters of the algorithm before it is fitted. It needs the extra tuning.",
        examples=[{"space": {"num_leaves": {"low": 15, "high": 255, "log": True}}, "trials": 50}],
    )
    calibration: CalibrationName = Field(
        NO_CALIBRATION,
        description="How probabilities are corrected on the validate period: none, a calibrator of the reference, or "
        "choose: what has the best Brier score on parts of the validate period that it was not fitted on.",
        examples=["isotonic"],
    )
    baselines: tuple[AlgorithmField, ...] = Field(
        (),
        strict=False,
        description="Simpler algorithms that are fitted and evaluated beside it.",
        examples=[["logistic_regression"]],
    )
    choose: ChooseField = Field(
        None,
        description="simplest: of baselines and then algorithm, the first becomes the model whose gain on the validate "
        "period is within 2 % of the best, or within simplest_within. Without it, algorithm becomes the model.",
        examples=["simplest", {"simplest_within": 0.05}],
    )
    refit: RefitField = Field(
        None,
        description="What is deployed. none: what was evaluated. train+validate or all: the same algorithm with "
        "the same choices, fitted again on these rows; the evaluation stays that of the fit before.",
        examples=["train+validate", "all"],
    )
    value: Value = Field(
        default_factory=_value,
        description="What a row earns or costs, in the project's currency. Without it, versions are compared in "
        "points, one for a right yes or a unit of error.",
        examples=[{"actions": {"upgrade": "-4 + label * 9", "wait": "0"}, "do_nothing": "wait"}],
    )
    leakage: Leakage = Field(
        Leakage(), description="Exceptions from the leakage checks.", examples=[{"allow": ["bookings.confirmed"]}]
    )
    gates: dict[str, GateField] = Field(
        default_factory=dict,
        description="Conditions on figures of the evaluation. A version that misses one is not deployed.",
        examples=[{"auc": ">= 0.65", "size_mb": "< 20"}],
    )
    slices: dict[Name, ExpressionText] | None = Field(
        None,
        description="Parts of the test rows that are evaluated alone too, by name: a condition, or a column of which "
        "each value is a slice, the 20 most frequent ones and the rest.",
        examples=[{"long_haul": "distance >= 1500", "origin": "origin"}],
    )
    protected: dict[Name, ExpressionText] | None = Field(
        None,
        description="Groups that must be treated alike, by name: a column of which each value is a group, or a "
        "condition. The evaluation compares how often recommended actions reach each group.",
        examples=[{"gender": "gender", "of_age": "age >= 18"}],
    )
    release: Release = Field(
        Release(),
        description="How sure it must be that a new version earns more than its opponents.",
        examples=[{"first": {"do_nothing": 0.9, "baselines": "ignore"}}],
    )
    deployment: Deployment = Field(
        NO_DEPLOYMENT,
        validate_default=True,
        description="How predictions are made with the champion. It is needed unless the population has every.",
        examples=[{"batch": "0 * * * * UTC"}],
    )
    monitoring: Monitoring = Field(
        Monitoring(window=timedelta(days=7)),
        description="How drift is looked for.",
        examples=[{"window": "7d", "min_rows": 50}],
    )
    retraining: Retraining = Field(
        Retraining(),
        description="When a new version is trained. Without it, only a person starts a training.",
        examples=[{"schedule": "0 3 * * 1 UTC", "on": ["drift"], "cooldown": "2d"}],
    )

    nodes: dict[str, dict[str, JsonValue]] | None = Field(
        None,
        description="More nodes of this model, each with its options: backtest, ablation, and kinds that installed "
        "packages add.",
        examples=[{"backtest": {"origins": 6, "every": "7d"}}],
    )

    @property
    def batch(self) -> Schedule:
        """When batch scoring runs."""
        runs = self.population.schedule or self.deployment.batch
        assert runs is not None, "checked when the declaration was read"
        return runs

    @property
    def plain_description(self) -> str:
        """What describes it where its author does not."""
        return f"Predicts {self.label.formula} for each {self.population.entity}."

    @field_validator("deployment", mode="after")
    @classmethod
    def _has_runs(cls, value: Deployment, info: ValidationInfo) -> Deployment:
        population = info.data.get("population")
        if population is None or population.schedule is not None or value.batch is not None:
            return value
        place = () if value is NO_DEPLOYMENT else ("batch",)
        raise ValidationError.from_exception_data("Deployment", [{"type": "missing", "loc": place, "input": {}}])

    @model_validator(mode="after")
    def _task_fits(self) -> ModelSpec:
        if self.task == "quantile" and self.quantile is None:
            raise ValueError("task quantile needs the key quantile. Add it, such as quantile: 0.9")
        if self.task != "quantile" and self.quantile is not None:
            raise ValueError(f"quantile belongs to task quantile, found task {self.task}. Remove quantile")
        if self.value is None:
            raise ValueError(f"task {self.task} needs value.actions, found no value. Declare what each action earns")
        classes = self.task in ("binary", "multiclass")
        if classes != (self.value.actions is not None):
            needed, unexpected = ("actions", "payoff") if classes else ("payoff", "actions")
            raise ValueError(f"task {self.task} needs value.{needed}, found value.{unexpected}. Write value.{needed}")
        if self.choose is not None and not self.baselines:
            raise ValueError("choose needs baselines to choose from, found none. Add baselines, the simplest first")
        if self.protected is not None and not classes:
            raise ValueError("protected compares recommended actions, and this task has none. Remove protected")
        if fault := calibration_fault(self.calibration, self.task):
            raise ValueError(fault)
        return self
