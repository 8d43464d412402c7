"""What an ingest made and found."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml_platform.sources.checks.results import CheckResult
from ml_platform.sources.upstream import Upstream
from ml_platform.storage.materialization import Made


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
        The source's checks as they now stand.
    upstream
        Which rows the source no longer has, and which wait to be known.
    """

    made: Made
    new_rows: int
    checks: tuple[CheckResult, ...]
    late: int = 0
    corrections: int = 0
    deletions: int = 0
    upstream: Upstream = field(default_factory=Upstream)
