"""What every kind of node has here: a builder of its asset."""

from abc import ABC, abstractmethod
from typing import ClassVar

import dagster as dg

from ml_platform.declarations.graph import Node
from ml_platform.project import Project


class NodeBuilder(ABC):
    """The builder of one kind of node.

    A kind whose operation is a `CachedOperation` needs none. An installed package adds one by an entry point of the
    group ``ml_platform.assets``.

    Attributes
    ----------
    name
        The kind of node.
    """

    name: ClassVar[str]

    @staticmethod
    @abstractmethod
    def build(project: Project, node: Node) -> dg.AssetsDefinition:
        """Return the asset of a node."""
