"""The job that compares what was served with what is recomputed, and its daily schedule."""

from collections.abc import Sequence

import dagster as dg

from ml_platform.core.clock import Schedule
from ml_platform.declarations.graph import Node
from ml_platform_dagster.assets.node_asset import asset_key
from ml_platform_dagster.resources.dagster_private import AssetJob

PARITY = "check_parity"
_KIND = "parity"
DAILY = Schedule("30 0 * * * UTC")
"""Half an hour after the day of the log has ended, so that its last records have arrived."""


def parity_job(nodes: Sequence[Node]) -> AssetJob | None:
    """Return the job over the parity of every online model; None where there is none."""
    keys = [asset_key(node.name) for node in nodes if node.kind == _KIND]
    if not keys:
        return None
    text = "Recomputes the online requests of yesterday and today, and compares them bit by bit."
    return dg.define_asset_job(PARITY, dg.AssetSelection.assets(*keys), description=text)
