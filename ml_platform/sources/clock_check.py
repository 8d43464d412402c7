"""A clock that is before what was recorded: until it has caught up nothing is read, and no deployment is effective."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ml_platform.core.hashing import format_instant
from ml_platform.sources.ingest_history import INGESTS
from ml_platform.storage.database import Database
from ml_platform.storage.ledger.lines import LEDGER


def clock_note(database: Database, now: datetime) -> str | None:
    """Return the consequences of a clock that is slow, in a sentence, or None where it is not slow.

    Parameters
    ----------
    now
        By the project's clock.
    """
    with database.reading() as connection:
        ingest, line = (connection.scalar(sa.select(sa.func.max(at))) for at in (INGESTS.c.at, LEDGER.c.at))
    ahead = {f"the last ingest ({_at(ingest)})": ingest, f"the last line of the ledger ({_at(line)})": line}
    later = [what for what, at in ahead.items() if at is not None and at > now]
    if not later:
        return None
    return (
        f"the project's clock ({_at(now)}) is before {' and '.join(later)}. "
        "Until it has passed, sources are not read again and deployments have no effect. "
        "Correct the clock; if the recorded time is wrong, restore the state folder from before it."
    )


def _at(instant: datetime | None) -> str:
    return format_instant(instant)[:19].replace("T", " ") if instant else ""
