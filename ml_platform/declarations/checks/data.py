"""Checks of project.yaml, sources and feature tables against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from os.path import normpath
from pathlib import Path

from ml_platform.core.clock import repeats_hours
from ml_platform.core.errors import DeclarationCycle, ExpressionError, FaultKind, suggest
from ml_platform.core.expressions import Kind, parse_expression
from ml_platform.declarations.aggregates import Feature
from ml_platform.declarations.checks.expectation_arguments import argument_faults
from ml_platform.declarations.checks.problems import (
    OTHER_NAME,
    RESERVED_COLUMNS,
    Columns,
    Place,
    Problem,
    Scope,
    check_cases,
    check_code,
    check_condition,
    check_entity,
    check_expression,
    check_repeats,
    check_source_name,
    columns_of,
)
from ml_platform.declarations.checks.row_policies import check_row_policies
from ml_platform.declarations.checks.source_columns import check_source_columns
from ml_platform.declarations.checks.written_times import check_written_times
from ml_platform.declarations.expectations import expectation_problem
from ml_platform.declarations.feature_table import FeatureTableSpec, column_name
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.resolve import column_types, columns_needed
from ml_platform.declarations.source import ColumnType, Expectation, SourceSpec

_TABLE_COLUMNS = ("tick",)
_FOLDERS = ("sources", "features", "models", "transforms")


def check_project_file(scope: Scope) -> Iterator[Problem]:
    """Yield what is wrong with the entities and the state folder."""
    yield from _check_state(scope)
    for entity, key in scope.spec.file.entities.items():
        yield from check_repeats("project", ("entities", entity), key)
        for index, column in enumerate(key):
            if column.lower() in RESERVED_COLUMNS:
                text = f"{column} is a name of the platform's own. {OTHER_NAME}"
                yield Problem("project", ("entities", entity, index), text, kind=FaultKind.TAKEN_NAME)


def _check_state(scope: Scope) -> Iterator[Problem]:
    """Yield that the state folder holds files of the project: erasing a person writes every file in it again."""
    root, declared = scope.spec.root, scope.spec.file.storage.state
    state = (root / declared).resolve()
    inside = [folder for folder in _FOLDERS if state.is_relative_to(root / folder)]
    if root.is_relative_to(state) or inside:
        text = (
            f"{declared or 'an empty text'} is a folder with files of your own. Name a new folder, such as .ml_platform"
        )
        yield Problem("project", ("storage", "state"), text)


def _check_place(scope: Scope, source: SourceSpec) -> Iterator[Problem]:
    """Yield that a source's files are in the state folder, where they would be taken for the platform's own."""
    root, reader = scope.spec.root, source.reader
    state = (root / scope.spec.file.storage.state).resolve()
    for key in reader.addresses if reader.reads_files else ():
        path = str(getattr(reader, key) or "")
        if "://" not in path and Path(normpath(root / path)).is_relative_to(state) and not root.is_relative_to(state):
            text = (
                f"{path} is in the state folder, whose files are removed and written again. Move it, or storage.state"
            )
            yield Problem(NodeName("source", source.name), ("reader", key), text)


def check_source(scope: Scope, source: SourceSpec) -> Iterator[Problem]:
    """Yield what is wrong with a source: its columns, key, times, reader and expectations."""
    where = NodeName("source", source.name)
    yield from _check_columns(where, source)
    yield from check_source_columns(where, source)
    yield from _check_place(scope, source)
    yield from check_repeats(where, ("key",), source.key)
    for index, column in enumerate(source.key):
        if column not in source.columns:
            text = f"{column} is not a column. {suggest(column, source.columns)}"
            yield Problem(where, ("key", index), text, kind=FaultKind.UNKNOWN_NAME)
    yield from _check_time(where, ("event_timestamp",), source, source.event_timestamp)
    if source.known_at.column is not None:
        yield from _check_time(where, ("known_at", "column"), source, source.known_at.column)
    yield from _check_reader(scope, where, source)
    yield from _check_deletions(where, source)
    yield from check_row_policies(where, source)
    types = {name: column.type for name, column in source.columns.items()}
    yield from _check_expectations(where, source.expectations, list(source.columns), types)


def _check_reader(scope: Scope, where: str, source: SourceSpec) -> Iterator[Problem]:
    reader = source.reader
    for name, function in reader.functions.items():
        yield from check_code(scope, where, ("reader", name), function)
    known = scope.spec.file.connections
    if reader.connection is not None and reader.connection not in known:
        remedy = suggest(reader.connection, known) if known else "Declare connections in project.yaml"
        place: Place = ("reader", reader.name, "connection")
        yield Problem(where, place, f"{reader.connection} is not a connection. {remedy}", kind=FaultKind.UNKNOWN_NAME)
    if reader.cursor is not None:
        yield from _check_cursor(where, source, reader.cursor)
    in_the_input = {column.source_column or name: column.type for name, column in source.columns.items()}
    for below, text in reader.problems(in_the_input):
        yield Problem(where, ("reader", *below), text, kind=FaultKind.VALUE)


def _check_cursor(where: str, source: SourceSpec, cursor: str) -> Iterator[Problem]:
    place: Place = ("reader", source.reader.name, "cursor")
    spec = source.columns.get(cursor)
    growing = [name for name, column in source.columns.items() if column.type in ("int", "timestamp")]
    if spec is None:
        yield Problem(
            where, place, f"{cursor} is not a column. {suggest(cursor, growing)}", kind=FaultKind.UNKNOWN_NAME
        )
    elif spec.type not in ("int", "timestamp"):
        text = f"must be an int or a timestamp, found {cursor} of type {spec.type}. {suggest(cursor, growing)}"
        yield Problem(where, place, text, kind=FaultKind.TYPE)
    elif spec.zone is not None and repeats_hours(spec.zone):
        text = (
            f"{cursor} is a local time of {spec.zone}. When clocks go back, new rows have smaller values than those "
            f"that were read, and would never be read. Take an int or a timestamp with a time zone, or make one in a "
            f"query: {cursor} AT TIME ZONE '{spec.zone}' AS {cursor}"
        )
        yield Problem(where, place, text, kind=FaultKind.TYPE)


def _check_deletions(where: str, source: SourceSpec) -> Iterator[Problem]:
    yield from check_condition(where, ("deletes",), source.deletes, column_types(source))
    if source.full is None:
        return
    part = "the predictions of some days" if source.reader.model is not None else "rows beyond its cursor"
    if source.reader.model is not None or source.reader.cursor is not None:
        text = f"the reader gives only {part}, so a missing row is no deleted one. Remove full"
        yield Problem(where, ("full",), text, kind=FaultKind.NEEDLESS_KEY)


def _check_columns(where: str, source: SourceSpec) -> Iterator[Problem]:
    yield from check_cases(where, ("columns",), source.columns)
    for name, column in source.columns.items():
        if "." in name:
            yield Problem(
                where,
                ("columns", name),
                f"a column's name has no dot. {OTHER_NAME}",
                kind=FaultKind.VALUE,
            )
        if name.startswith("_"):
            text = f"names that begin with _ are the platform's own. {OTHER_NAME}"
            yield Problem(where, ("columns", name), text, kind=FaultKind.TAKEN_NAME)
        yield from check_written_times(where, name, column)


def _check_time(where: str, place: Place, source: SourceSpec, column: str) -> Iterator[Problem]:
    spec = source.columns.get(column)
    timestamps = [name for name, declared in source.columns.items() if declared.type == "timestamp"]
    if spec is None:
        yield Problem(
            where,
            place,
            f"{column} is not a column. {suggest(column, timestamps or source.columns)}",
            kind=FaultKind.UNKNOWN_NAME,
        )
    elif spec.type != "timestamp":
        text = f"must be a timestamp, found {column} of type {spec.type}. {suggest(column, timestamps)}"
        yield Problem(where, place, text, kind=FaultKind.TYPE)


def check_feature_table(scope: Scope, table: FeatureTableSpec) -> Iterator[Problem]:
    """Yield what is wrong with a feature table: entity, source, expressions, columns, expectations."""
    where = NodeName("feature_table", table.name)
    if table.name in scope.names("sources"):
        text = f"{table.name} is a source too, and {table.name}.x could mean either. Rename one"
        yield Problem(where, ("name",), text, kind=FaultKind.TAKEN_NAME)
    yield from _check_origin(scope, table)
    yield from check_entity(scope, where, ("entity",), table.entity, [table.source])
    columns = columns_of(scope, table.source)
    if columns is not None:
        yield from check_condition(where, ("where",), table.where, columns)
        for name, feature in table.features.items():
            if feature.from_columns is None:
                yield from _check_feature(where, name, feature, columns)
        yield from _check_derived(table, columns)
    yield from _check_collisions(scope, table)
    key = scope.spec.file.entities.get(table.entity, ())
    yield from _check_expectations(where, table.expectations, [*key, *_TABLE_COLUMNS, *table.columns])


def _check_origin(scope: Scope, table: FeatureTableSpec) -> Iterator[Problem]:
    where, place = NodeName("feature_table", table.name), ("source",)
    path, name = [table.name], table.source
    while name in scope.spec.feature_tables and name not in path:
        path.append(name)
        name = scope.spec.feature_tables[name].source
    if name == table.name:
        yield Problem(
            where,
            place,
            str(DeclarationCycle([NodeName("feature_table", item) for item in (*path, name)])),
            kind=FaultKind.CYCLE,
        )
    else:
        yield from check_source_name(scope, where, place, table.source)


def _check_feature(where: str, name: str, feature: Feature, columns: Columns) -> Iterator[Problem]:
    place: Place = ("features", name)
    yield from check_condition(where, (*place, "where"), feature.where, columns)
    for below, text in feature.expressions.items():
        yield from check_expression(where, (*place, *below), text, columns, feature.accepts, feature.remedy)[1]


def _check_derived(table: FeatureTableSpec, columns: Columns) -> Iterator[Problem]:
    """Yield what is wrong with features that are made of others, each after those that it needs."""
    where, kinds = NodeName("feature_table", table.name), _aggregated_kinds(table, columns)
    features = {name: item for name, item in table.features.items() if item.from_columns is not None}
    derived = {name: str(item.from_columns) for name, item in features.items()}
    broken = {name for name in table.columns if name not in kinds and name not in derived}
    for name in derived:
        try:
            order = [column for column in columns_needed(table, [name]) if column in derived]
        except DeclarationCycle as error:
            yield Problem(where, ("features", name, "derived"), str(error), kind=FaultKind.CYCLE)
            broken.add(name)
            continue
        except ExpressionError:
            order = [name]
        for column in order:
            if column in kinds or column in broken or parse_names(derived[column]) & broken:
                continue
            place = ("features", column, "derived")
            allowed, remedy = features[column].accepts, features[column].remedy
            kind, problems = check_expression(where, place, derived[column], kinds, allowed, remedy)
            yield from problems
            if kind is None or problems:
                broken.add(column)
            else:
                kinds[column] = kind


def parse_names(text: str) -> frozenset[str]:
    """Return the names that an expression reads; none where it cannot be read."""
    try:
        return frozenset(parse_expression(text).names)
    except ExpressionError:
        return frozenset()


def _aggregated_kinds(table: FeatureTableSpec, columns: Columns) -> dict[str, Kind]:
    """Return the kinds of the columns that are aggregates of rows, without those at fault."""
    kinds: dict[str, Kind] = {}
    for name, (feature_name, _) in table.columns.items():
        feature = table.features[feature_name]
        if feature.from_columns is None:
            with suppress(ExpressionError):
                kinds[name] = feature.kind(columns)
    return kinds


def _check_collisions(scope: Scope, table: FeatureTableSpec) -> Iterator[Problem]:
    key = scope.spec.file.entities.get(table.entity, ())
    lower = [name.lower() for name in key]  # engines take names that differ only in case for the same
    taken = {**dict.fromkeys(lower, f"the key of {table.entity}"), **dict.fromkeys(_TABLE_COLUMNS, "the platform")}
    for name, feature in table.features.items():
        for index, window in enumerate(feature.windows or (None,)):
            column = column_name(name, window)
            if column.lower() in taken:
                place: Place = ("features", name, "windows", index) if window else ("features", name)
                remedy = "Change the window or the name" if window else "Change the name"
                text = f"its column {column} exists already, from {taken[column.lower()]}. {remedy}"
                yield Problem(NodeName("feature_table", table.name), place, text, kind=FaultKind.TAKEN_NAME)
            taken[column.lower()] = f"{name} over {window.label}" if window else name


def _check_expectations(
    where: str,
    expectations: Sequence[Expectation],
    columns: Sequence[str],
    types: Mapping[str, ColumnType] | None = None,
) -> Iterator[Problem]:
    for index, expectation in enumerate(expectations):
        place: Place = ("expectations", index)
        problem = expectation_problem(expectation, columns)
        if problem is not None:
            yield Problem(where, place, problem, kind=FaultKind.UNKNOWN_NAME)
            continue
        for name, text in argument_faults(expectation, columns, types):
            yield Problem(where, (*place, "args", name) if name else place, text, kind=FaultKind.VALUE)
