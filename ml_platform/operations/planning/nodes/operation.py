"""What a kind of node does when it is planned, run and verified."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from ml_platform.declarations.graph import Node
from ml_platform.declarations.node_kinds import made_by
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.plan import Planned
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds import Mismatch
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.materialization import Materialized


class NodeOperation(ABC):
    """The operation of one kind of node: extend it, or `CachedOperation`, in one file.

    Attributes
    ----------
    name
        The kind of node.
    """

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about a node. Nothing is computed for it."""

    @classmethod
    def check(cls, project: Project, artifact: Artifact) -> Sequence[Mismatch]:
        """Return what in an artifact is not as it should be, where its manifest alone cannot show it.

        Raises
        ------
        PlatformError
            Where something that it holds cannot be read.
        """
        return ()


class CachedOperation(NodeOperation, ABC):
    """An operation that makes one artifact, and nothing where one of the same key is there.

    So a run, a plan and a second run need nothing but a key and a function.
    """

    @classmethod
    @abstractmethod
    def key(cls, project: Project, subject: str, inputs: Mapping[str, str], now: datetime) -> str:
        """Return the key of what a node makes: of all that decides it (`ml_platform.core.hashing.cache_key`).

        Parameters
        ----------
        subject
            The declaration that the node belongs to.
        inputs
            What each input of the node made last, by its name.
        now
            The project's time.
        """

    @classmethod
    @abstractmethod
    def make(cls, project: Project, subject: str, inputs: Mapping[str, str], now: datetime, key: str) -> Artifact:
        """Make the artifact, store it under its key, and return it."""

    @classmethod
    def figures(cls, artifact: Artifact) -> Mapping[str, str | int | float]:
        """Return what the Dagster UI shows of an artifact beside its id."""
        return {}

    @classmethod
    def run(cls, project: Project, subject: str, inputs: Mapping[str, str], now: datetime) -> Materialized:
        """Return the artifact, made now unless it is there."""
        key = cls.key(project, subject, inputs, now)
        existing = project.store.find(made_by(cls.name), key)
        if existing is not None:
            return Materialized(existing, reused=True)
        return Materialized(cls.make(project, subject, inputs, now, key), reused=False)

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about a node, by its key."""
        return planned_by_key(
            view,
            node,
            lambda ids: cls.key(view.project, node.subject, ids, view.now),
            "its inputs changed",
        )


def made_before(view: View, node: Node) -> Planned | tuple[Artifact, dict[str, str]]:
    """Return what a node made last and the ids of its inputs, or what a run would do where that is not known."""
    blocked = view.blocked_before(node)
    if blocked is not None:
        return blocked
    last, ids = view.made(node), view.input_ids(node)
    if last is None:
        return view.would_run(node, [view.absence(node)])
    if ids is None:
        return view.may_run(node, view.changes(node) + view.unsettled(node.inputs))
    return last, ids


def planned_by_key(view: View, node: Node, key_of: Callable[[Mapping[str, str]], str], otherwise: str) -> Planned:
    """Return what a run would do about a node whose artifact is found by a key.

    Parameters
    ----------
    key_of
        Returns the key, by what each input of the node made last.
    otherwise
        Why it would run where no declaration changed.
    """
    before = made_before(view, node)
    if isinstance(before, Planned):
        return before
    _, ids = before
    existing = view.project.store.find(made_by(node.kind), key_of(ids))
    if existing is not None:
        return view.up_to_date(node, existing.id)
    return view.would_run(node, view.changes(node) or [otherwise])
