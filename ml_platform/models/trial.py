"""Estimator classes of a project, fitted on twenty made-up rows: a fault is found before a snapshot is built."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from ml_platform.core.errors import DeclarationError, Fault, FaultKind, PlatformError
from ml_platform.core.hashing import content_id
from ml_platform.declarations.algorithms import is_project_class
from ml_platform.declarations.fingerprint import project_functions
from ml_platform.declarations.model import Algorithm, ModelSpec, Task
from ml_platform.declarations.project import Location, ProjectSpec
from ml_platform.declarations.source import ColumnType
from ml_platform.models.bundled_code import Code
from ml_platform.models.fit_inputs import all_inputs
from ml_platform.models.prepare import Prepared, prepare

_ROWS = 20


def try_project_classes(spec: ProjectSpec) -> list[str]:
    """Import each estimator class that a model names, and fit it on made-up rows of the model's columns.

    Returns
    -------
    A note for each class that was not tried, or that fails where a number is null.

    Raises
    ------
    DeclarationError
        With a fault for each class that cannot be imported, fitted, kept or asked.
    """
    faults, notes = [], []
    for model in spec.models.values():
        for section, algorithm in _project_classes(model):
            place = spec.locations.get(f"models/{model.name}.{section}", Location(f"models/{model.name}.yaml"))
            try:
                notes += [f"{place.file}:{place.line}: {note}" for note in _tried(spec, model, algorithm)]
            except PlatformError as error:
                faults.append(
                    Fault(place.file, place.line, 1, f"{section}: on {_ROWS} made-up rows, {error}", FaultKind.TRIAL)
                )
    if faults:
        raise DeclarationError(faults)
    return notes


def _project_classes(model: ModelSpec) -> Iterator[tuple[str, Algorithm]]:
    for section, algorithms in (("algorithm", (model.algorithm,)), ("baselines", model.baselines)):
        yield from ((section, algorithm) for algorithm in algorithms if is_project_class(algorithm.name))


def _tried(spec: ProjectSpec, model: ModelSpec, algorithm: Algorithm) -> Iterator[str]:
    """Fit twice on rows with nulls, and yield what its author should know; raise what is wrong."""
    code = Code.read(spec.root, project_functions(spec, "trained_model", model.name), spec.root)
    code.load(algorithm.name)
    try:
        with_nulls, without = (_prepared(spec, model, code, nulls) for nulls in (True, False))
    except PlatformError as error:
        yield f"{algorithm.name} was not tried, as transforms cannot be fitted on made-up rows: {error}"
        return
    try:
        _fit_twice(with_nulls, algorithm)
    except PlatformError as error:
        _fit_twice(without, algorithm)
        yield f"{algorithm.name} can be fitted only where no feature is null: {error}"


def _prepared(spec: ProjectSpec, model: ModelSpec, code: Code, nulls: bool) -> Prepared:
    train, validate = (made_up_rows(spec, model, seed, nulls=nulls) for seed in (0, 1))
    return prepare(spec, model, code, train, validate)


def _fit_twice(prepared: Prepared, algorithm: Algorithm) -> None:
    first, second = (prepared.fit(algorithm).estimator for _ in range(2))
    if content_id(first.state()) != content_id(second.state()):
        raise PlatformError(
            f"{algorithm.name} is fitted to another state each time. Let random_state (or the argument seed) decide "
            "everything that is drawn."
        )


def made_up_rows(spec: ProjectSpec, model: ModelSpec, seed: int, *, nulls: bool) -> pd.DataFrame:
    """Return twenty rows of a model's columns and its label, which has every class.

    Parameters
    ----------
    nulls
        Whether each column is null once.
    """
    draw = np.random.default_rng(seed)
    columns = {
        item.name: _values(item.type, draw, index if nulls else None)
        for index, item in enumerate(all_inputs(spec, model))
    }
    times = pd.Series(pd.date_range(datetime(2024, 1, 1, tzinfo=UTC), periods=_ROWS, freq="h", unit="us"))
    return pd.DataFrame({**columns, "effective_time": times, "label": _label(model.task, draw)})


def _values(kind: ColumnType, draw: np.random.Generator, null: int | None) -> pd.Series:
    numbers = draw.integers(0, 9, _ROWS)
    if kind == "string":
        values = pd.Series(np.array(["a", "b", "c"], dtype=object)[numbers % 3])
    elif kind == "timestamp":
        values = pd.Series(pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(numbers, "D")).dt.as_unit("us")
    elif kind == "bool":
        values = pd.Series(numbers % 2 == 0).astype("boolean")
    else:
        values = pd.Series(numbers).astype("Int64") if kind == "int" else pd.Series(draw.normal(size=_ROWS))
    if null is not None:
        values[null % _ROWS] = None
    return values


def _label(task: Task, draw: np.random.Generator) -> pd.Series:
    places = np.arange(_ROWS)
    if task == "binary":
        return pd.Series(places % 2 == 0)
    return pd.Series(np.array(["a", "b", "c"])[places % 3] if task == "multiclass" else draw.gamma(2, size=_ROWS))
