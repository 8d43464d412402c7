"""Checks of a model against the sources and feature tables that it names."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.core.clock import format_duration, rounded_duration
from ml_platform.core.errors import ExpressionError, FaultKind, listed, suggest
from ml_platform.core.expressions import Kind, parse_expression
from ml_platform.declarations.algorithms import algorithm_faults, is_project_class
from ml_platform.declarations.checks.actions import check_actions
from ml_platform.declarations.checks.feature_age import check_ages
from ml_platform.declarations.checks.features import check_features, check_joins, feature_kinds
from ml_platform.declarations.checks.label import check_label
from ml_platform.declarations.checks.leaks import check_leaks
from ml_platform.declarations.checks.nodes import check_nodes
from ml_platform.declarations.checks.params import monotone_fault, param_faults
from ml_platform.declarations.checks.population import check_population
from ml_platform.declarations.checks.problems import (
    COUNTABLE,
    NUMBERS,
    OTHER_NAME,
    Columns,
    Place,
    Problem,
    Scope,
    check_code,
    check_expression,
    population_types,
)
from ml_platform.declarations.checks.refit import check_refit
from ml_platform.declarations.checks.tuning import check_tuning
from ml_platform.declarations.label import WindowLabel
from ml_platform.declarations.metric_names import known_figures
from ml_platform.declarations.model import Algorithm, ModelSpec

SLICING: frozenset[Kind] = frozenset({"bool", "string", "int"})
RESERVED_NAMES = ("sources", "features")


def check_model(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    """Yield what is wrong with a model: population, label, features, code, algorithms, value and gates."""
    where = f"models/{model.name}"
    if model.name in RESERVED_NAMES:
        text = f"{model.name} is a name of the platform's own. Give the model another"
        yield Problem(where, ("name",), text, kind=FaultKind.TAKEN_NAME)
    yield from check_population(scope, model)
    label, problems = check_label(scope, model)
    yield from problems
    yield from _check_split(model)
    yield from check_nodes(model)
    yield from check_joins(scope, model)
    yield from check_features(scope, model)
    yield from check_leaks(scope, model)
    yield from _check_transforms(scope, model)
    kinds = feature_kinds(scope, model)
    yield from _check_logged_names(model, kinds)
    yield from check_ages(scope, model, kinds)
    yield from _check_algorithm(scope, model, ("algorithm",), model.algorithm, kinds)
    for index, baseline in enumerate(model.baselines):
        yield from _check_algorithm(scope, model, ("baselines", index), baseline, kinds)
    yield from check_tuning(model)
    yield from check_refit(model)
    yield from _check_value(scope, model, label, kinds)
    yield from check_actions(scope, model)
    yield from _check_slices(scope, model, kinds)
    for figure in model.gates:
        if figure not in known_figures(model):
            text = f"{figure} is not a figure of a {model.task} model. {suggest(figure, known_figures(model))}"
            yield Problem(where, ("gates", figure), text, kind=FaultKind.UNKNOWN_NAME)


def _check_split(model: ModelSpec) -> Iterator[Problem]:
    """Yield problems for periods that end before the label of their first row is settled: all rows are purged."""
    label = model.label
    horizon, parts = label.horizon, ""
    if isinstance(label, WindowLabel):
        parts = f" ({format_duration(label.within)} within and {format_duration(horizon - label.within)} to settle)"
    for name, span in (("train", model.split.train), ("validate", model.split.validate_)):
        if span <= horizon:
            text = (
                f"must be longer than the label's horizon of {rounded_duration(horizon)}{parts}, found "
                f"{format_duration(span)}. No row of this period would have a label before the next period starts"
            )
            yield Problem(f"models/{model.name}", ("split", name), text)


def _check_transforms(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    where = f"models/{model.name}"
    taken = {*scope.names("sources"), *scope.names("features")}
    for index, reference in enumerate(model.transforms):
        place: Place = ("transforms", index)
        yield from check_code(scope, where, place, reference)
        function = reference.partition(":")[2]
        if function in taken:
            text = f"its columns would be called {function}.x, which means something else. Rename the function"
            yield Problem(where, place, text, kind=FaultKind.TAKEN_NAME)
        taken.add(function)


def _check_logged_names(model: ModelSpec, kinds: Columns) -> Iterator[Problem]:
    """Yield that features are called as columns of the prediction log: ``tick.TABLE``, and ``score.CLASS``."""
    taken = {"tick"} | ({"score"} if model.task == "multiclass" else set())
    owners = {column.partition(".")[0] for column in kinds} | {model.population.owner}
    owners |= {reference.partition(":")[2] for reference in model.transforms}
    for name in sorted(owners & taken):
        text = f"{name}.x is a column of the prediction log too. Give {name} another name"
        yield Problem(f"models/{model.name}", ("features",), text, kind=FaultKind.TAKEN_NAME)


def _check_algorithm(
    scope: Scope, model: ModelSpec, place: Place, algorithm: Algorithm, kinds: Columns
) -> Iterator[Problem]:
    where = f"models/{model.name}"
    for text in algorithm_faults(algorithm, model.task):
        yield Problem(where, place, text)
    for param, text in param_faults(algorithm, model.task):
        yield Problem(where, (*place, "params", param), text, kind=FaultKind.VALUE)
    if unkept := monotone_fault(algorithm, model.task):
        yield Problem(where, (*place, "monotone"), unkept)
    if is_project_class(algorithm.name):
        yield from check_code(scope, where, (*place, "name"), algorithm.name)
    known = {name for name in kinds if kinds[name] in COUNTABLE}
    for column in algorithm.monotone:
        if column not in known and not _is_unknown(scope, model, column):
            text = f"{column} is not a number among the model's features. {suggest(column, known)}"
            yield Problem(where, (*place, "monotone", column), text, kind=FaultKind.UNKNOWN_NAME)
    if algorithm.name == "rule" and algorithm.expression is not None:
        of_population = {
            column.partition(".")[2]: kind for column, kind in kinds.items() if _is_of_population(model, column)
        }
        yield from _check_rule(scope, model, (*place, "expression"), algorithm.expression, {**kinds, **of_population})


def _is_of_population(model: ModelSpec, column: str) -> bool:
    return column.startswith(f"{model.population.owner}.")


def _check_rule(scope: Scope, model: ModelSpec, place: Place, text: str, kinds: Columns) -> Iterator[Problem]:
    allowed = COUNTABLE if model.task == "binary" else NUMBERS
    remedy = "Write a condition, or a probability" if model.task == "binary" else "Write a number"
    if not _reads_unknown(scope, model, text):
        yield from check_expression(f"models/{model.name}", place, text, kinds, allowed, remedy)[1]


def _reads_unknown(scope: Scope, model: ModelSpec, text: str) -> bool:
    try:
        return any(_is_unknown(scope, model, name) for name in parse_expression(text).names)
    except ExpressionError:
        return False


def _is_unknown(scope: Scope, model: ModelSpec, column: str) -> bool:
    """Return whether a column's type cannot be known: a transform adds it, or its declaration is at fault."""
    owner, dot, _ = column.partition(".")
    added = owner in {reference.partition(":")[2] for reference in model.transforms}
    return bool(dot) and (added or scope.hides(owner))


def _check_slices(scope: Scope, model: ModelSpec, kinds: Columns) -> Iterator[Problem]:
    columns, remedy = population_types(scope, model), "Write a condition, such as x > 0, or a column with few values"
    declared = [("slices", *item) for item in (model.slices or {}).items()]
    declared += [("protected", *item) for item in (model.protected or {}).items()]
    for key, name, text in declared if columns is not None else ():
        if not _reads_unknown(scope, model, text):
            known = {**kinds, **(columns or {})}
            yield from check_expression(f"models/{model.name}", (key, name), text, known, SLICING, remedy)[1]


def _check_value(scope: Scope, model: ModelSpec, label: Kind | None, kinds: Columns) -> Iterator[Problem]:
    where, value = f"models/{model.name}", model.value
    columns = population_types(scope, model)
    if columns is None:
        return
    taken = sorted(name for name in columns if name.lower() in ("label", "prediction"))
    if taken:
        text = f"{model.population.owner} has a column {listed(taken)}, which here means the truth or the prediction"
        yield Problem(where, ("population", "source"), f"{text}. {OTHER_NAME}", kind=FaultKind.TAKEN_NAME)
        return
    known: dict[str, Kind] = {**kinds, **columns}
    truth: dict[str, Kind] = {} if label is None else {"label": label}
    remedy = "Write an amount of money"
    expressions: list[tuple[Place, str, Columns, frozenset[Kind], str]] = [
        (("value", "actions", name), text, {**known, **truth}, COUNTABLE, remedy)
        for name, text in (value.actions or {}).items()
    ]
    for name, text in ((value.control and value.control.earned) or {}).items():
        expressions.append((("value", "control", "earned", name), text, {**known, **truth}, COUNTABLE, remedy))
    if value.payoff is not None:
        scored: dict[str, Kind] = {**known, **truth, "prediction": "float"}
        expressions.append((("value", "payoff"), value.payoff, scored, COUNTABLE, remedy))
        expressions.append((("value", "do_nothing"), value.do_nothing, known, NUMBERS, "Write a prediction"))
    for place, text, available, allowed, remedy in expressions:
        if not (_reads_unknown(scope, model, text) or (label is None and "label" in text)):
            yield from check_expression(where, place, text, available, allowed, remedy)[1]
