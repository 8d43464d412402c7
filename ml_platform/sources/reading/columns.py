"""Whether what is read has the columns that a source declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ml_platform.core.errors import ColumnChanged, SchemaChanged, listed, suggest
from ml_platform.declarations.row_policies import needs_value

if TYPE_CHECKING:
    from ml_platform.declarations.source import SourceSpec


def require_columns(present: Sequence[str], spec: SourceSpec, where: str) -> list[str]:
    """Return the declared columns that are there; those that are not may only be missing where the source accepts that.

    Raises
    ------
    ColumnChanged, SchemaChanged
    """
    missing = [name for name in spec.columns if name not in present]
    refused = [name for name in missing if spec.missing_columns != "null" or needs_value(spec, name)]
    if refused:
        undeclared = [name for name in present if name not in spec.columns]
        hint = f"{suggest(refused[0], undeclared)} " if undeclared else ""
        problem = f"column {listed(refused)} is missing"
        remedy = f"{hint}Correct the source's columns, or the data."
        raise ColumnChanged(spec.name, where, problem, remedy, column=refused[0])
    twice = sorted({name for name in spec.columns if list(present).count(name) > 1})
    if twice:
        problem = f"column {listed(twice)} is there twice"
        raise SchemaChanged(spec.name, where, problem, "Remove one of them.", column=twice[0])
    return [name for name in spec.columns if name not in missing]
