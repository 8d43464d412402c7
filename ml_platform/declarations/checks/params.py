"""Checks of the values that a declaration gives an algorithm's parameters, alone and together."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.declarations.algorithms import ParamFault, algorithm_kind
from ml_platform.declarations.allowed_values import value_fault
from ml_platform.declarations.model import Algorithm, Task


def param_faults(algorithm: Algorithm, task: Task) -> Iterator[ParamFault]:
    """Yield each parameter whose value an algorithm does not take, with what is wrong with it."""
    kind = algorithm_kind(algorithm.name, task)
    if kind is None:
        return
    known = {param: value for param, value in algorithm.params.items() if param in kind.params}
    faults = {param: value_fault(kind.params[param], value) for param, value in known.items()}
    yield from ((param, fault) for param, fault in faults.items() if fault)
    right = {param: value for param, value in known.items() if not faults[param]}
    for param, origin in kind.set_by_task(task).items():
        if param in right:
            yield param, f"follows from {origin}, found {right[param]!r}. Remove it"
    yield from kind.conflicts(right, task)


def monotone_fault(algorithm: Algorithm, task: Task) -> str | None:
    """Return why the loss that is fitted cannot keep monotone columns, or None."""
    kind = algorithm_kind(algorithm.name, task)
    if kind is None or not kind.monotone or not algorithm.monotone:
        return None
    return kind.monotone_fault(algorithm.params, task)
