"""What a run would do about a feature table."""

from __future__ import annotations

from ml_platform.core.errors import listed
from ml_platform.declarations.graph import Node
from ml_platform.features.aggregates.partials import without_limb
from ml_platform.features.build import Pending, pending_cells, table_key
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.nodes.operation import NodeOperation
from ml_platform.operations.planning.plan import Planned
from ml_platform.sources.source_log import chunk_states, has_records
from ml_platform.storage.artifact_kinds.feature_table import BASE, FeatureTableManifest
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.durations import expected_duration
from ml_platform.storage.manifest import Artifact


class FeatureTableOperation(NodeOperation):
    """What a run would do about a feature table."""

    name = "feature_table"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about a feature table."""
        blocked = view.blocked_before(node)
        if blocked is not None:
            return blocked
        (source,) = node.inputs
        log = view.log(source.subject)
        if log is None or not has_records(log):
            changes = view.changes(node) + view.unsettled([source])
            return view.would_run(node, changes if view.made(node) else [view.absence(node)])
        table = view.project.store.find("feature_table", table_key(view.project, node.subject, log.id))
        if table is None:
            return _computed(view, node, log)
        if view.planned[source].id is None:
            return view.may_run(node, view.unsettled([source]))
        return view.up_to_date(node, table.id)


def _computed(view: View, node: Node, log: Artifact) -> Planned:
    pending = pending_cells(view.project, node.subject, log.id)
    total = sum(_rows(log).values())
    duration = expected_duration(view.project.database, node.name, pending.rows, total)
    made = view.made(node)
    if made is None:
        return view.would_run(node, [f"{view.absence(node)}: {_work(pending)}"], duration)
    reasons = _why_computed(view, node, made, log, pending)
    (source,) = node.inputs
    more = [] if view.planned[source].id is not None else [f"{source} may bring more rows"]
    return view.would_run(node, [*reasons, *more], duration)


def _why_computed(view: View, node: Node, made: Artifact, log: Artifact, pending: Pending) -> list[str]:
    rows = _rows(log)
    before = view.stored("source", made.inputs["source"])
    states = chunk_states(before) if before is not None and has_records(before) else {}
    new = [chunk for chunk in rows if states and chunk not in states]
    moved = [chunk for chunk in rows if chunk in states and chunk_states(log)[chunk] != states[chunk]]
    reasons = _feature_changes(view, node, made)
    if reasons:
        rest = {chunk: parts for chunk, parts in pending.missing.items() if chunk not in (*new, *moved)}
        reasons[-1] += f": {_work(Pending(rest, sum(rows[chunk] for chunk in rest)))}"
    if new:
        counted = _count(len(new), "new chunk")
        reasons.append(f"its source has new rows: {counted} of {_count(sum(rows[chunk] for chunk in new), 'row')}")
    if moved and before is not None:
        corrected = sum(_replaced(log, chunk) - _replaced(before, chunk) for chunk in moved)
        verb = "touches" if corrected == 1 else "touch"
        reasons.append(f"{_count(corrected, 'corrected row')} {verb} {_named(moved)}")
    return reasons or [f"its inputs changed: {_work(pending)}"]


def _feature_changes(view: View, node: Node, made: Artifact) -> list[str]:
    """Return which features are new, gone or declared in another way."""
    declared = list(view.project.spec.feature_tables[node.subject].columns)
    new = [column for column in declared if column not in FeatureTableManifest.of(made).columns]
    gone = [column for column in FeatureTableManifest.of(made).columns if column not in declared]
    reasons = [f"{_count(len(gone), 'feature')} gone ({listed(gone)})"] if gone else []
    if new:
        return [*reasons, f"{_count(len(new), 'new feature')} ({listed(new)})"]
    return reasons or view.changes(node)


def _work(pending: Pending) -> str:
    if not pending.chunks:
        return "nothing to compute"
    parts = _count(len({without_limb(part) for part in pending.parts if part != BASE}), "part")
    return f"{parts} over {_count(len(pending.chunks), 'chunk')}, {_count(pending.rows, 'row')}"


def _rows(log: Artifact) -> dict[str, int]:
    return {chunk.name: chunk.rows for chunk in SourceManifest.of(log).chunks}


def _replaced(log: Artifact, chunk: str) -> int:
    return sum(record.rows for record in SourceManifest.of(log).records if record.chunk == chunk)


def _named(chunks: list[str]) -> str:
    """Return chunks by the month in which their rows became known."""
    months = list(dict.fromkeys(chunk.rpartition("/")[2] for chunk in chunks))
    return f"chunk{'s' if len(months) != 1 else ''} {listed(months)}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
