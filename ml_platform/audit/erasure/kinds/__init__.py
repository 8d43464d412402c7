"""How one person's rows are removed from an artifact: one file for each kind whose rows can be distinguished.

``row_erasures()`` returns them by kind of artifact; an installed package adds one through the entry point group
``ml_platform.row_erasures``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ml_platform.audit.erasure import kinds
from ml_platform.audit.erasure.kinds.row_erasure import RowErasure
from ml_platform.core.variants import find_variants

__all__ = ["row_erasure", "row_erasures"]


@cache
def row_erasures() -> Mapping[str, type[RowErasure]]:
    """Return every kind of artifact that rows are taken out of, by its name."""
    return find_variants(kinds, RowErasure, "ml_platform.row_erasures")
