"""The anchors of the ledger in Dagster's event log: each materialization of a deployment records the ledger's head.

``python -m ml_platform_dagster.jobs.anchors --project DIR`` prints them, one JSON object a line: the core, which never
imports Dagster, reads them from there.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.storage.ledger.anchors import Anchor
from ml_platform.storage.ledger.lines import Head
from ml_platform_dagster.assets.deployment import LEDGER_HASH, LEDGER_LINE, LEDGER_SIGNATURE
from ml_platform_dagster.assets.metadata import ungrouped
from ml_platform_dagster.assets.node_asset import asset_key
from ml_platform_dagster.jobs.command import parser_of, run_command
from ml_platform_dagster.jobs.instance import open_instance

_AT_ONCE = 200


def event_log_anchors(project: Project, instance: dg.DagsterInstance) -> Iterator[Anchor]:
    """Yield each head of the ledger that a deployment recorded, once."""
    seen: set[Head] = set()
    for model in project.spec.models:
        for run, recorded in _materializations(instance, NodeName("deployment", model)):
            head = (
                Head(int(recorded[LEDGER_LINE]), ungrouped(str(recorded[LEDGER_HASH])))
                if LEDGER_LINE in recorded
                else None
            )
            signature = ungrouped(str(recorded.get(LEDGER_SIGNATURE, ""))) or None
            if head is not None and head not in seen:
                seen.add(head)
                yield Anchor(f"Dagster's event log, run {run[:8]}", head, signature)


def _materializations(instance: dg.DagsterInstance, node: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(asset_key(node), limit=_AT_ONCE, cursor=cursor)
        for record in page.records:
            made = record.asset_materialization
            if made is not None:
                yield record.run_id, {name: value.value for name, value in made.metadata.items()}
        if not page.has_more:
            return
        cursor = page.cursor


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the anchors and return the exit code."""
    options = parser_of("anchors", "Print the anchors of the ledger.").parse_args(arguments)
    return run_command(options.project, _print_anchors)


def _print_anchors(project: Project) -> int:
    with open_instance(project) as instance:
        for anchor in event_log_anchors(project, instance):
            if anchor.head is not None:
                facts = {"place": anchor.place, "seq": anchor.head.seq, "hash": anchor.head.hash}
                print(json.dumps({**facts, "signature": anchor.signature}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
