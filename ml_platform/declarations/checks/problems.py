"""What checks find: a problem at a place in a declaration; and what several checks ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ml_platform.core.errors import ExpressionError, FaultKind, listed, suggest
from ml_platform.core.expressions import Kind, parse_expression
from ml_platform.core.expressions.types import kind_text
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.population_columns import find_population_columns
from ml_platform.declarations.populations.population import PopulationColumns
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import column_types
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.user_code.locate import ProjectCodeError, require_defined
from ml_platform.declarations.yaml.pydantic_errors import dotted, either

Place = tuple[str | int, ...]
Columns = Mapping[str, Kind]

RESERVED_COLUMNS = ("prediction_time", "effective_time", "label", "prediction", "tick")
"""Columns that every key would hide."""
LOGGED_COLUMNS = (
    *("prediction_id", "model", "version", "trained_model", "question", "late", "online", "scored_at"),
    "unlearned_nulls",
    *("score", "predicted", "action", "expected_value", "best_action", "capacity_gain", "control", "propensity"),
    *("shadow_version", "shadow_score", "shadow_action", "shadow_expected_value"),
    *("taken", "done", "candidate", "champion", "value", "do_nothing", "label_state"),
)
"""Columns of the prediction log, and of what is made of it: the key of a population's entity would hide them."""
OTHER_NAME = "Choose another, and give the name in the input as its source_column"
NUMBERS: frozenset[Kind] = frozenset({"int", "float"})
COUNTABLE: frozenset[Kind] = frozenset({"int", "float", "bool"})


@dataclass(frozen=True)
class Problem:
    """What is wrong at a place of one declaration.

    Attributes
    ----------
    declaration
        Such as ``models/late_parcel``.
    place
        Path inside the declaration; the message names it.
    offset
        How many characters inside a text.
    kind
        Decides the code that is printed with it.
    """

    declaration: str
    place: Place
    text: str
    offset: int = 0
    kind: FaultKind = FaultKind.MISMATCH

    @property
    def message(self) -> str:
        """The whole message: the place and what is wrong there, with a full stop."""
        text = self.text if self.text.endswith((".", "?")) else f"{self.text}."
        where = dotted(self.place)
        return f"{where} {text}" if text.startswith(("must ", "is ", "belongs ")) else f"{where}: {text}"


@dataclass(frozen=True)
class Scope:
    """The declarations that could be read, and the names of those that could not.

    What refers to a broken declaration is not reported: its own faults are.
    """

    spec: ProjectSpec
    broken: frozenset[str] = frozenset()

    def source(self, name: str) -> SourceSpec | None:
        """Return a source, or None where it is unknown or broken."""
        return self.spec.sources.get(name)

    def columns_of(self, model: ModelSpec) -> PopulationColumns | None:
        """Return the columns that the questions of a model bring, or None where they are unknown."""
        return find_population_columns(self.spec, model)

    def hides(self, owner: str) -> bool:
        """Return whether a source or feature table exists, but what its columns are is not known."""
        return NodeName("source", owner) in self.broken or NodeName("feature_table", owner) in self.broken

    def names(self, folder: str) -> list[str]:
        """Return every declared name of a folder, broken ones too."""
        spec = self.spec
        read = {"sources": [*spec.sources], "features": [*spec.feature_tables], "models": [*spec.models]}[folder]
        broken = (name.partition("/")[2] for name in self.broken if name.startswith(f"{folder}/"))
        return [*read, *broken]


def check_source_name(scope: Scope, declaration: str, place: Place, name: str) -> Iterator[Problem]:
    """Yield a problem where no source has this name."""
    if name in scope.names("sources"):
        return
    if name in scope.names("features"):
        text = f"{name} is a feature table, and rows come from sources. {suggest(name, scope.names('sources'))}"
        yield Problem(declaration, place, text, kind=FaultKind.UNKNOWN_NAME)
        return
    yield Problem(
        declaration,
        place,
        f"there is no source {name}. {suggest(name, scope.names('sources'))}",
        kind=FaultKind.UNKNOWN_NAME,
    )


def check_entity(
    scope: Scope, declaration: str, place: Place, entity: str, sources: Iterable[str]
) -> Iterator[Problem]:
    """Yield problems where an entity is unknown, or its key is not in each of the sources."""
    entities = scope.spec.file.entities
    if entity not in entities:
        yield Problem(
            declaration,
            place,
            f"there is no entity {entity} in project.yaml. {suggest(entity, entities)}",
            kind=FaultKind.UNKNOWN_NAME,
        )
        return
    for name in dict.fromkeys(sources):
        source = scope.source(name)
        present = {*RESERVED_COLUMNS, *(source.columns if source is not None else entities[entity])}
        missing = [column for column in entities[entity] if column not in present]
        if missing:
            text = f"the key of {entity} is {listed(entities[entity])}, and {name} has no column {listed(missing)}"
            remedy = "Declare the column in the source, or take another entity or source"
            yield Problem(declaration, place, f"{text}. {remedy}", kind=FaultKind.UNKNOWN_NAME)


def check_expression(
    declaration: str, place: Place, text: str, columns: Columns, allowed: Collection[Kind], remedy: str
) -> tuple[Kind | None, list[Problem]]:
    """Return the kind of an expression, and what is wrong with it.

    Parameters
    ----------
    allowed
        The kinds that it may have.
    remedy
        What to write where it has another.
    """
    try:
        kind = parse_expression(text).check(columns)
    except ExpressionError as error:
        return None, [Problem(declaration, place, error.problem, error.column, kind=FaultKind.EXPRESSION)]
    if kind in allowed:
        return kind, []
    wanted = either([kind_text(known) for known in sorted(allowed)])
    return kind, [
        Problem(declaration, place, f"must give {wanted}, found {kind_text(kind)}. {remedy}", kind=FaultKind.TYPE)
    ]


def check_condition(declaration: str, place: Place, text: str | None, columns: Columns) -> list[Problem]:
    """Return what is wrong with a condition over columns."""
    if text is None:
        return []
    return check_expression(declaration, place, text, columns, {"bool"}, "Write a comparison, such as x > 0")[1]


def check_code(scope: Scope, declaration: str, place: Place, reference: str) -> Iterator[Problem]:
    """Yield a problem where the project does not define a ``module:name``."""
    try:
        require_defined(scope.spec.root, reference)
    except ProjectCodeError as error:
        yield Problem(declaration, place, str(error), kind=FaultKind.CODE)


def check_repeats(declaration: str, place: Place, names: Sequence[str]) -> Iterator[Problem]:
    """Yield a problem for each name that is in a list a second time."""
    seen = set[str]()
    for index, name in enumerate(names):
        if name in seen:
            yield Problem(
                declaration, (*place, index), f"{name} is listed twice. Remove one", kind=FaultKind.TAKEN_NAME
            )
        seen.add(name)


def check_cases(declaration: str, place: Place, names: Iterable[str]) -> Iterator[Problem]:
    """Yield a problem for each name that differs from an earlier one only in case: engines take them for the same."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            text = f"{name} and {other} differ only in case, and engines take them for one column."
            yield Problem(declaration, (*place, name), f"{text} {OTHER_NAME}", kind=FaultKind.TAKEN_NAME)


def population_types(scope: Scope, model: ModelSpec) -> Columns | None:
    """Return the bare columns that a model's questions bring, with their types; None where they are unknown."""
    columns = scope.columns_of(model)
    return None if columns is None else {name: column.type for name, column in columns.columns.items()}


def columns_of(scope: Scope, source: str) -> Columns | None:
    """Return the bare columns of a source with their types, or None where the source cannot be read."""
    spec = scope.source(source)
    return None if spec is None else dict(column_types(spec))
