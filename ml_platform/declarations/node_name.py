"""Names of nodes: the one place where they are written and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

FOLDERS: Mapping[str, str] = {"source": "sources", "feature_table": "features"}
"""Kinds whose names begin with a folder, where that of any other node begins with its subject."""
_KINDS = {folder: kind for kind, folder in FOLDERS.items()}


class NodeName(str):
    """The name of a node: a text such as ``sources/orders``, which knows the node's kind and its subject.

    It equals its text, so that names in the database, in manifests and in the Dagster UI are the same.

    >>> NodeName("source", "orders"), NodeName("snapshot", "late_parcel")
    ('sources/orders', 'late_parcel/snapshot')
    """

    __slots__ = ()

    def __new__(cls, kind: str, subject: str) -> Self:
        """Return the name of the node of a kind that belongs to a declaration."""
        folder = FOLDERS.get(kind)
        return super().__new__(cls, f"{subject}/{kind}" if folder is None else f"{folder}/{subject}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the name that a text is.

        >>> name = NodeName.parse("late_parcel/snapshot")
        >>> name.kind, name.subject
        ('snapshot', 'late_parcel')
        """
        return super().__new__(cls, text)

    def __reduce__(self) -> tuple[type[NodeName], tuple[str, str]]:
        return type(self), (self.kind, self.subject)

    @property
    def kind(self) -> str:
        """The kind of the node, such as ``snapshot``."""
        first, _, last = self.partition("/")
        return _KINDS.get(first, last)

    @property
    def subject(self) -> str:
        """The name of its declaration: of a source, a feature table or a model."""
        first, _, last = self.partition("/")
        return last if first in _KINDS else first

    @property
    def is_data(self) -> bool:
        """Whether it is a source or a feature table, and not a stage of a model."""
        return self.kind in FOLDERS
