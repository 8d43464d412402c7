"""What a run would do about a source."""

from __future__ import annotations

from ml_platform.core.errors import NotMaterialized, PlatformError, listed
from ml_platform.declarations.graph import Node
from ml_platform.operations.planning.context import NEVER, View
from ml_platform.operations.planning.nodes.operation import NodeOperation
from ml_platform.operations.planning.plan import Planned
from ml_platform.sources.change_detection import IngestPlan
from ml_platform.sources.source_log import has_records

_WITHOUT_FINGERPRINT = "its reader has no fingerprint: changes are found only by reading"


class SourceOperation(NodeOperation):
    """What a run would do about a source."""

    name = "source"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about a source."""
        try:
            look = view.look(node.subject)
        except NotMaterialized:  # of a derived source, whose inputs are ingested first
            return view.would_run(node, [NEVER])
        except PlatformError as error:
            return view.blocked(node, str(error))
        if look.why == "no fingerprint":
            return view.may_run(node, [*view.changes(node), _WITHOUT_FINGERPRINT])
        if look.why is not None and not look.waits_for_rows:
            return view.would_run(node, _why_read(view, node, look))
        log = view.log(node.subject)
        if log is None:
            return view.blocked(node, "its log is missing from the store, or damaged. Restore it from a copy")
        if not has_records(log):
            return view.would_run(node, ["its log was made by an older version of the platform"])
        if waiting := view.unsettled(node.inputs):  # predictions that are still to come
            return view.may_run(node, waiting)
        if look.news:
            verb = "is" if len(look.news) == 1 else "are"
            changed = f"{listed(look.news, limit=2)} {verb} gone, or there again: to be reported"
            return view.would_run(node, [changed], id=log.id)
        return view.up_to_date(node, log.id)


def _why_read(view: View, node: Node, look: IngestPlan) -> list[str]:
    if look.why == "never read" or look.last is None:
        return [NEVER]
    if look.why == "restarted" and look.last.lineage == look.lineage:
        return ["its first rows have come"]
    if look.why == "restarted":
        return [*(view.changes(node) or ["its declaration changed"]), "its log is restarted"]
    if look.why == "replaced":
        return [*view.changes(node), "files were replaced or removed since the last ingest: all are read again"]
    if look.why == "rows become known":
        first = look.last.next_known_at
        return [f"rows become known, the first at {first:%Y-%m-%d %H:%M}"] if first else []
    return view.changes(node) or [_changes_text(look)]


def _changes_text(look: IngestPlan) -> str:
    """Return which of the files, or other parts, of a source have changed since they were read."""
    if len(look.parts) == 1:
        return f"{look.parts[0].name} changed since the last ingest"
    new = [part.name for part in look.changed if part.name not in look.marks]
    changed = [part.name for part in look.changed if part.name in look.marks]
    changes = [f"{listed(changed, limit=2)} changed since the last ingest"] if changed else []
    changes += [f"{listed(new, limit=2)} {'is' if len(new) == 1 else 'are'} new"] if new else []
    return f"of {len(look.parts)} files, {', '.join(changes)}"
