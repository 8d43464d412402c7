"""Checks that a model's features are as fresh as it asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches

from ml_platform.core.clock import format_duration, rounded_duration
from ml_platform.core.errors import FaultKind, suggest
from ml_platform.declarations.checks.problems import Place, Problem, Scope
from ml_platform.declarations.data_age import Availability, availability_in, availability_of
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.joins import joined_table
from ml_platform.declarations.model import ALL_FEATURES, ModelSpec
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import feature_type

_REFRESHES = tuple(timedelta(minutes=count) for count in (720, 360, 240, 180, 120, 60, 30, 20, 15, 10, 5, 2, 1))


def check_ages(scope: Scope, model: ModelSpec, columns: Mapping[str, object]) -> Iterator[Problem]:
    """Yield a problem for each feature table whose newest data can be older than `max_feature_age` allows.

    Parameters
    ----------
    columns
        The model's features that exist and whose declarations are sound, as ``table.column``.
    """
    spec = scope.spec
    tables = {alias: joined_table(spec, model, alias) for alias in {column.partition(".")[0] for column in columns}}
    of_tables = [column for column in columns if tables[column.partition(".")[0]] is not None]
    known = {*of_tables, *(column.partition(".")[0] for column in of_tables)}
    for key in model.max_feature_age:
        if key not in {*known, ALL_FEATURES} and not scope.hides(key.partition(".")[0]):
            text = f"{key} is no feature table of this model, and no column of one. {suggest(key, known)}"
            yield Problem(f"models/{model.name}", ("max_feature_age", key), text, kind=FaultKind.UNKNOWN_NAME)
    for (alias, key), named in _limited(model, of_tables).items():
        joined = tables[alias]
        if joined is not None and joined.table.source in spec.sources:
            yield from _Question(spec, model, joined.table, tuple(named), key).problems()


def _limited(model: ModelSpec, columns: list[str]) -> dict[tuple[str, str], list[str]]:
    """Return the columns by their table (or join) and by the limit that holds for them: the most exact one."""
    by_key: dict[tuple[str, str], list[str]] = {}
    for dotted in columns:
        alias, _, column = dotted.partition(".")
        key = next((key for key in (dotted, alias, ALL_FEATURES) if key in model.max_feature_age), None)
        if key is not None:
            by_key.setdefault((alias, key), []).append(column)
    return by_key


class _Question:
    """Whether some columns of one table are as fresh as a model asks, and what would be if they are not."""

    def __init__(
        self, spec: ProjectSpec, model: ModelSpec, table: FeatureTableSpec, columns: tuple[str, ...], key: str
    ) -> None:
        self._spec, self._model, self._columns, self._key = spec, model, columns, key
        self._table, self._limit = table, model.max_feature_age[key]

    def problems(self) -> Iterator[Problem]:
        """Yield one problem where the columns can be too old."""
        availability = self._ages(self._spec, self._table.name, self._columns)
        if availability.known_age <= self._limit:
            return
        path = " -> ".join([*availability.path, availability.up_to])
        text = f"{self._table.name} can be too old: {path}, and {rounded_duration(self._limit)} is asked for"
        remedies = [*self._fresher_table(), *self._shorter_refresh(), *self._denser_batch(availability)]
        advice = ", or ".join(remedies) or f"Nothing is fresher: ask for {format_duration(availability.known_age)}"
        yield Problem(
            f"models/{self._model.name}",
            self._place(),
            f"{text}. {advice[0].upper()}{advice[1:]}",
            kind=FaultKind.KNOWN_LATE,
        )

    def _place(self) -> Place:
        alone = list(self._model.max_feature_age) == [ALL_FEATURES]
        return ("max_feature_age",) if alone else ("max_feature_age", self._key)

    def _ages(self, spec: ProjectSpec, table: str, columns: tuple[str, ...]) -> Availability:
        """Return the age in the way of asking that meets the oldest values."""
        ways = [availability_in(spec, self._model, table, columns=columns)]
        if self._model.deployment.online:
            ways.append(availability_of(spec, table, columns=columns))
        return max(ways, key=lambda way: way.known_age)

    def _is_fresh(self, spec: ProjectSpec, table: str, columns: tuple[str, ...]) -> bool:
        return self._ages(spec, table, columns).known_age <= self._limit

    def _fresher_table(self) -> Iterator[str]:
        """Yield the nearest alternative: a fresh table of the same entity, by the column that is most alike."""
        others = {
            f"{other.name}.{column}": column
            for other in self._spec.feature_tables.values()
            if other.entity == self._table.entity and other is not self._table and other.source in self._spec.sources
            for column in self._alike(other)
            if self._is_fresh(self._spec, other.name, (column,))
        }
        for column in self._columns:
            for close in get_close_matches(column, others.values(), n=1, cutoff=0.6):
                dotted = next(name for name, bare in others.items() if bare == close)
                table = dotted.partition(".")[0]
                yield f"take {dotted} ({self._ages(self._spec, table, (close,)).up_to})"
                return

    def _alike(self, other: FeatureTableSpec) -> Iterator[str]:
        """Yield the columns of another table that have the type of one of the columns in question."""
        types = {feature_type(self._spec, f"{self._table.name}.{column}") for column in self._columns}
        return (column for column in other.columns if feature_type(self._spec, f"{other.name}.{column}") in types)

    def _shorter_refresh(self) -> Iterator[str]:
        for refresh in _REFRESHES:
            changed = self._table.model_copy(update={"refresh": refresh})
            tables = {**self._spec.feature_tables, self._table.name: changed}
            spec = ProjectSpec(self._spec.root, self._spec.file, self._spec.sources, tables, self._spec.models)
            if refresh < self._table.refresh and self._is_fresh(spec, self._table.name, self._columns):
                yield f"refresh {self._table.name} every {format_duration(refresh)}"
                return

    def _denser_batch(self, availability: Availability) -> Iterator[str]:
        """Yield how often batch runs would have to be, where it is they that make values too old."""
        if availability.gap is None:
            return
        room = self._limit - (availability.known_age - availability.gap)
        if room > timedelta(0):
            yield f"run batch every {format_duration(max((step for step in _REFRESHES if step <= room), default=room))}"
