"""What a changed project changes: which nodes are declared in another way, and whether that breaks what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from ml_platform.core.errors import listed
from ml_platform.declarations.fingerprint import deciding_of
from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.load.revision import project_at
from ml_platform.declarations.node_kinds import node_kind
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec
from ml_platform.models.provenance import commit_of
from ml_platform.operations.planning.declaration_diff import declared_change
from ml_platform.operations.planning.trained_model_there import Reusable, find_model
from ml_platform.project import Project
from ml_platform.storage.database import Database
from ml_platform.storage.last_declarations import last_declared

Sort = Literal["new", "changed", "removed"]


@dataclass(frozen=True)
class DeclaredNode:
    """A node as it is, or was, declared.

    Attributes
    ----------
    decided
        What decides it (`deciding_of`).
    """

    name: NodeName
    inputs: tuple[NodeName, ...]
    decided: Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """A node that is declared in another way.

    Attributes
    ----------
    reasons
        What differs, in words.
    breaks
        What of a deployed model or of another declaration it breaks, in a sentence; empty where nothing is broken.
    """

    node: str
    sort: Sort
    reasons: tuple[str, ...]
    breaks: str

    def as_json(self) -> dict[str, Any]:
        """Return it in JSON types."""
        return {
            "node": self.node,
            "change": self.sort,
            "reasons": list(self.reasons),
            "breaking": bool(self.breaks),
            "breaks": self.breaks,
        }


@dataclass(frozen=True)
class Comparison:
    """What a project changes against an earlier state of it.

    Attributes
    ----------
    revision, commit
        The git revision as it was named, and its commit; empty against what was run last.
    uncommitted
        Files of the project that are compared as they are, and that its repository does not have like that.
    """

    changes: tuple[Change, ...]
    revision: str = ""
    commit: str = ""
    uncommitted: tuple[str, ...] = ()

    @property
    def breaking(self) -> tuple[Change, ...]:
        """The changes that break something."""
        return tuple(change for change in self.changes if change.breaks)

    def as_json(self) -> dict[str, Any]:
        """Return it in JSON types."""
        return {
            "against": self.revision or "last run",
            "commit": self.commit or None,
            "uncommitted": list(self.uncommitted),
            "nodes": [change.as_json() for change in self.changes],
            "breaking": len(self.breaking),
        }


def changes_since_run(spec: ProjectSpec, database: Database) -> Comparison:
    """Return which nodes are declared in another way than when each was made last."""
    before, after = last_run_nodes(spec, database), declared_nodes(spec)
    return Comparison(declared_changes(before, {name: node for name, node in after.items() if name in before}))


def changes_since_revision(spec: ProjectSpec, revision: str) -> Comparison:
    """Return what the files of a project, as they are, change against a git revision.

    Raises
    ------
    RevisionError
    """
    with project_at(spec.root, revision) as former:
        changes = declared_changes(declared_nodes(former.spec), declared_nodes(spec))
    commit = commit_of(spec.root, spec.files)
    return Comparison(changes, revision, former.commit, commit.changed if commit else ())


def beside_trained(compared: Comparison, project: Project, now: datetime) -> Comparison:
    """Return a comparison in which a training that is done already breaks nothing: the next run finds the model.

    An experiment trained it and was promoted, or a run trained it before it was declared in another way.
    """
    trainings = [change for change in compared.changes if change.breaks and _is_training(change)]
    models = {NodeName.parse(change.node).subject for change in trainings}
    there = {model for model in models if isinstance(find_model(project, project.store, model, now), Reusable)}
    done = {change.node for change in trainings if NodeName.parse(change.node).subject in there}
    return replace(
        compared,
        changes=tuple(replace(change, breaks="") if change.node in done else change for change in compared.changes),
    )


def _is_training(change: Change) -> bool:
    return change.sort == "changed" and node_kind(NodeName.parse(change.node).kind).stage == "make"


def declared_nodes(spec: ProjectSpec) -> dict[NodeName, DeclaredNode]:
    """Return every node of a project as it is declared."""
    return {
        node.name: DeclaredNode(node.name, node.inputs, deciding_of(spec, node.kind, node.subject))
        for node in build_graph(spec)
    }


def last_run_nodes(spec: ProjectSpec, database: Database) -> dict[NodeName, DeclaredNode]:
    """Return the nodes of a project as each was declared when it was made last; without those never made."""
    recorded = {node.name: (node.inputs, last_declared(database, node.name)) for node in build_graph(spec)}
    return {
        name: DeclaredNode(name, inputs, decided) for name, (inputs, decided) in recorded.items() if decided is not None
    }


def declared_changes(
    before: Mapping[NodeName, DeclaredNode], after: Mapping[NodeName, DeclaredNode]
) -> tuple[Change, ...]:
    """Return the nodes that differ between two states of a project, each after its inputs, then those removed.

    A change is breaking where a model that was there must be trained again, where its predictions are made for other
    rows or of other columns, and where a column is gone, or means something else, that another declaration read.
    What is new, and what nothing reads, breaks nothing. A new or removed model is one change.
    """
    changes = [_change(name, before, after) for name in after]
    removed = [_removed(name, before, after) for name in before if name not in after]
    return tuple(change for change in (*changes, *removed) if change is not None)


_Nodes = Mapping[NodeName, DeclaredNode]


def _change(name: NodeName, before: _Nodes, after: _Nodes) -> Change | None:
    if name not in before:
        return _once_for_model(name, "new", before, "")
    was, now = before[name].decided, after[name].decided
    reasons = declared_change(was, now, name.kind)
    broken = _broken(name, before, now) if reasons else ()
    return Change(name, "changed", tuple(reasons), "; ".join(broken)) if reasons else None


def _broken(name: NodeName, before: _Nodes, now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a changed node breaks, in sentences without full stop."""
    kind, was = node_kind(name.kind), before[name].decided
    if kind.consequence:
        yield kind.consequence.format(name.subject)
        return
    meanings = kind.column_meanings(now["declaration"])
    former = kind.column_meanings(was["declaration"])
    if former and (former[""] != meanings[""] or was["code"] != now["code"]):
        yield from _read_by("its rows mean something else", _readers(name, before), "them")
        return
    for column, meaning in former.items():
        if meanings.get(column) != meaning:
            how = "means something else" if column in meanings else "is gone"
            yield from _read_by(f"{column} {how}", _readers(name, before, column), "it")


def _read_by(what: str, readers: list[str], them: str) -> Iterator[str]:
    if readers:
        yield f"{what}, and {listed(readers)} read{'s' if len(readers) == 1 else ''} {them}"


def _removed(name: NodeName, before: _Nodes, after: _Nodes) -> Change | None:
    readers = [reader for reader in _readers(name, before) if reader in after]
    if node_kind(name.kind).stage == "data":
        return Change(name, "removed", (), "".join(_read_by("it is gone", readers, "it")))
    return _once_for_model(name, "removed", after, f"{name.subject} answers no longer")


def _once_for_model(name: NodeName, sort: Sort, other: _Nodes, breaks: str) -> Change | None:
    """Return a new or removed node; of a whole model only its deployment, and under the model's name."""
    if node_kind(name.kind).stage == "data":
        return Change(name, sort, (), breaks)
    if NodeName("deployment", name.subject) in other:
        return Change(name, sort, (), "")
    return Change(f"models/{name.subject}", sort, (), breaks) if name.kind == "deployment" else None


def _readers(name: NodeName, nodes: _Nodes, column: str | None = None) -> list[str]:
    """Return the nodes of data and snapshots that read a node, or one column of it."""
    return [
        reader.name
        for reader in nodes.values()
        if name in reader.inputs
        and reader.name.kind in ("source", "feature_table", "snapshot")
        and (column is None or node_kind(reader.name.kind).names_column(reader.decided["declaration"], name, column))
    ]
