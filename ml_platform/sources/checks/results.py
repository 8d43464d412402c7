"""Results of data checks, recorded beside the node that they judge.

What depends on a node asks here before it computes, so that a broken input also
stops a downstream that is launched alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from ml_platform.core.errors import BrokenInput, PlatformError, listed
from ml_platform.core.hashing import canonical_json
from ml_platform.core.plain_values import json_value
from ml_platform.storage.database import Database
from ml_platform.storage.rows import insert_row
from ml_platform.storage.tables import METADATA, PERSONAL, Instant

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["error", "warn"]
MAX_FAILING_ROWS = 10

RECORDINGS = sa.Table(
    "check_recordings",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("node", sa.String(200), nullable=False, index=True),
    sa.Column("run", sa.String(64), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("results", sa.Text, nullable=False, info=PERSONAL),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class CheckResult:
    """What one check found.

    Attributes
    ----------
    severity
        A failed ``error`` stops what depends on the node; a failed ``warn`` is only reported.
    summary
        Figures that a person wants to see; JSON types only.
    failing_rows
        At most ten of the rows that failed; JSON types only.
    """

    name: str
    passed: bool
    severity: Severity = "error"
    summary: Mapping[str, Any] = field(default_factory=dict)
    failing_rows: Sequence[Mapping[str, Any]] = ()

    @property
    def blocks(self) -> bool:
        """Whether this result stops what depends on the node."""
        return not self.passed and self.severity == "error"


@dataclass(frozen=True)
class Recording:
    """All checks of a node as they stood at one instant, in one run."""

    node: str
    run: str
    at: datetime
    results: tuple[CheckResult, ...]

    @property
    def blocking(self) -> tuple[str, ...]:
        """Names of the checks that stop what depends on the node."""
        return tuple(result.name for result in self.results if result.blocks)

    @property
    def blocking_texts(self) -> tuple[str, ...]:
        """The same with what each found, such as `freshness: the newest row is 3d old`."""
        return tuple(_text_of(result) for result in self.results if result.blocks)


@dataclass(frozen=True)
class CheckHistory:
    """All recordings of a node's checks.

    Attributes
    ----------
    recorded, failed
        How many recordings there are, and how many of them have a failed check.
    names
        In how many recordings each check failed, the most frequent first.
    last_failed
        When one failed last; None where none ever did.
    """

    recorded: int
    failed: int
    names: Mapping[str, int]
    last_failed: datetime | None


class ChecksFailed(PlatformError):
    """Rows failed a check of severity ``error``; `results` carries all checks with the failing rows.

    Parameters
    ----------
    remedy
        What follows and what to do, in sentences; by default what holds for rows of a source or a feature table.
    """

    def __init__(self, node: str, results: Sequence[CheckResult], remedy: str = "") -> None:
        self.node, self.results = node, tuple(results)
        problems = [_problem_text(result) for result in results if result.blocks]
        remedy = remedy or (
            "The rows were set aside and nothing depends on them. "
            f"Repair the data, or the expectation, and materialize {node} again."
        )
        super().__init__(f"{node}: {listed(problems, limit=3)}. {remedy}")


def _text_of(result: CheckResult) -> str:
    problem = str(result.summary.get("problem", "failed"))
    rows = problem.removeprefix("failed")
    return f"{result.name}{rows if rows != problem else f': {problem}'}"


def _problem_text(result: CheckResult) -> str:
    row = f", such as {json.dumps(result.failing_rows[0], ensure_ascii=False)}" if result.failing_rows else ""
    problem = result.summary.get("problem", "failed")
    return f"check {result.name} {problem}{row}"


def record_checks(database: Database, node: str, results: Sequence[CheckResult], run: str, at: datetime) -> Recording:
    """Record all checks of a node together; a check that is not among them is not one of the node's any more."""
    text = canonical_json([asdict(result) for result in results]).decode()
    with database.writing() as connection:
        insert_row(connection, RECORDINGS, {"node": node, "run": run, "at": at, "results": text})
    return Recording(node, run, at, tuple(results))


def last_recording(database: Database, node: str) -> Recording | None:
    """Return the checks of a node as they were recorded last, or None where none ever were."""
    query = sa.select(RECORDINGS).where(RECORDINGS.c.node == node).order_by(RECORDINGS.c.seq.desc()).limit(1)
    with database.reading() as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return Recording(node, row["run"], row["at"], tuple(CheckResult(**result) for result in json.loads(row["results"])))


def check_history(database: Database, node: str) -> CheckHistory:
    """Return how often the checks of a node were recorded, and how often they failed."""
    query = sa.select(RECORDINGS.c.at, RECORDINGS.c.results).where(RECORDINGS.c.node == node).order_by(RECORDINGS.c.seq)
    recorded, failed, names, last = 0, 0, Counter[str](), None
    with database.reading() as connection:
        for at, results in connection.execute(query):
            missed = [item["name"] for item in json.loads(results) if not item["passed"]]
            recorded += 1
            names.update(missed)
            if missed:
                failed, last = failed + 1, at
    return CheckHistory(recorded, failed, dict(names.most_common()), last)


def require_healthy(database: Database, node: str, upstreams: Sequence[str]) -> None:
    """Raise unless the last recorded checks of every upstream let `node` use it.

    Raises
    ------
    BrokenInput
        Naming the first upstream with a failed check of severity ``error``.
    """
    for upstream in upstreams:
        recording = last_recording(database, upstream)
        if recording is not None and recording.blocking:
            raise BrokenInput(node, upstream, recording.blocking)


def sample_rows(frame: pd.DataFrame, limit: int = MAX_FAILING_ROWS) -> list[dict[str, Any]]:
    """Return the first rows of a frame as JSON types: timestamps as text, every missing value as None."""
    return [
        {str(name): json_value(value) for name, value in row.items()} for row in frame.head(limit).to_dict("records")
    ]
