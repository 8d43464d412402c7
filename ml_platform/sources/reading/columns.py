"""Whether what is read has the columns that a source declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ml_platform.core.errors import SchemaChanged, listed, suggest

if TYPE_CHECKING:
    from ml_platform.declarations.source import SourceSpec


def require_columns(found: Sequence[str], spec: SourceSpec, where: str) -> None:
    """Raise unless every declared column is there; columns that are not declared are of no concern."""
    missing = [name for name in spec.columns if name not in found]
    if missing:
        hint = suggest(missing[0], [name for name in found if name not in spec.columns] or found)
        problem = f"column {listed(missing)} is missing"
        remedy = f"{hint} Correct the source's columns, or the data."
        raise SchemaChanged(spec.name, where, problem, remedy, column=missing[0])
    twice = sorted({name for name in spec.columns if list(found).count(name) > 1})
    if twice:
        problem = f"column {listed(twice)} is there twice"
        raise SchemaChanged(spec.name, where, problem, "Remove one of them.", column=twice[0])
