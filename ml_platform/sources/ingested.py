"""What an ingest made and found."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml_platform.sources.checks.results import CheckResult
from ml_platform.sources.upstream import Upstream
from ml_platform.storage.materialization import Materialized


@dataclass(frozen=True)
class RowCounts:
    """Where each row is that an ingest read: ``read`` is the sum of all others.

    Attributes
    ----------
    new
        Rows that the log got.
    waiting
        Rows that become known later.
    quarantined
        Rows in quarantine.
    merged
        Rows that were left out since another row of the reading has their key and known-at.
    suppressed
        Rows of keys that were erased on request.
    """

    read: int = 0
    new: int = 0
    waiting: int = 0
    quarantined: int = 0
    merged: int = 0
    suppressed: int = 0

    @property
    def unchanged(self) -> int:
        """How many rows the log had already, as they are or replaced by later ones; rows that delete others too."""
        return self.read - self.new - self.waiting - self.quarantined - self.merged - self.suppressed


@dataclass(frozen=True)
class Ingested:
    """What one ingest made of a source.

    Attributes
    ----------
    late, corrections
        How many of the new rows are known only from this ingest on, as rows of new keys and as changed ones.
    deletions
        How many rows were deleted.
    checks
        The source's checks as they are now.
    upstream
        Which rows the source no longer has, which wait to be known, and which are dirty.
    rows
        Where each row is that was read; all counts are 0 where nothing had to be read.
    """

    made: Materialized
    new_rows: int
    checks: tuple[CheckResult, ...]
    late: int = 0
    corrections: int = 0
    deletions: int = 0
    upstream: Upstream = field(default_factory=Upstream)
    rows: RowCounts = field(default_factory=RowCounts)
