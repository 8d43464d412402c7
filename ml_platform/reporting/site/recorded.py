"""Whether the site is current: what was recorded when it was written, and what is recorded now."""

from __future__ import annotations

import json
from pathlib import Path

import sqlalchemy as sa

from ml_platform.core.hashing import content_id, format_instant
from ml_platform.operations.alerts import ALERTS
from ml_platform.project import Project
from ml_platform.storage.ledger.lines import LEDGER
from ml_platform.storage.outputs import OUTPUTS
from ml_platform.storage.simulated_clock import SimulatedClock

MARKER = ".ml_platform_site"
"""The file by which a folder is known as a site; it lists what else was written, and what was recorded then."""
_RECORDED = (OUTPUTS, LEDGER, ALERTS)


def site_folder(project: Project) -> Path:
    """Return where the site of a project is; `ml-platform up` serves it below ``/pages/site``."""
    return project.state / "site"


def recorded_state(project: Project) -> str:
    """Return the hash of what pages follow from: outputs, deployments and alerts so far, and a simulated clock."""
    newest = {}
    with project.database.reading() as connection:
        for table in _RECORDED:
            newest[table.name] = connection.scalar(sa.select(sa.func.max(table.c.seq))) or 0
    clock = format_instant(project.clock.now()) if isinstance(project.clock, SimulatedClock) else ""
    return content_id({"recorded": newest, "clock": clock})


def is_current(project: Project) -> bool:
    """Return whether nothing was recorded since the site was written; False where there is none."""
    try:
        marker = json.loads((site_folder(project) / MARKER).read_text(encoding="utf-8"))
        return bool(marker["state"] == recorded_state(project))
    except (OSError, ValueError, KeyError, TypeError):
        return False
