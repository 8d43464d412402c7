"""What workers count of both versions while one is rolled out: rows, errors, and how long predictions took.

Each worker writes its counts every few seconds, under the ledger line of the stage. The judge of a stage adds them
up. Latencies are kept by their size, in steps of 9 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ml_platform.project import Project
from ml_platform.storage.frame_log import FrameLog, frame_files, has_writer, read_frames

_STEPS = 8  # for each doubling
_DAY = 24 * 60 * 60.0


class StageCounts(msgspec.Struct, array_like=True):
    """What one worker counted of one version within a stage.

    Attributes
    ----------
    stage
        The number of the ledger line that began the stage.
    rows
        Rows that the version was asked to predict.
    errors
        Those of them that it could not predict, though the other version could.
    latencies
        How many predictions took how long: by the size of the time, `size_of`.
    """

    model: str
    stage: int
    version: int
    rows: int = 0
    errors: int = 0
    latencies: dict[int, int] = msgspec.field(default_factory=dict)

    def predicted(self, nanoseconds: int) -> None:
        """Count a prediction."""
        self.rows += 1
        size = size_of(nanoseconds / 1000)
        self.latencies[size] = self.latencies.get(size, 0) + 1

    def failed(self) -> None:
        """Count a row that the version could not predict."""
        self.rows += 1
        self.errors += 1


def size_of(micros: float) -> int:
    """Return the step that a time belongs to; each is 9 % longer than the one before."""
    return round(_STEPS * math.log2(max(micros, 1e-3)))


@dataclass
class Figures:
    """What all workers counted of one version."""

    rows: int = 0
    errors: int = 0
    latencies: dict[int, int] = field(default_factory=dict)

    def add(self, counts: StageCounts) -> None:
        """Add what one worker counted."""
        self.rows, self.errors = self.rows + counts.rows, self.errors + counts.errors
        for size, count in counts.latencies.items():
            self.latencies[size] = self.latencies.get(size, 0) + count

    @property
    def error_share(self) -> float:
        """The share of the rows that could not be predicted."""
        return self.errors / self.rows if self.rows else 0.0

    def latency(self, share: float = 0.95) -> float | None:
        """Return the time in microseconds that a share of the predictions keep below; None without a prediction."""
        total, below = sum(self.latencies.values()), 0
        for size in sorted(self.latencies):
            below += self.latencies[size]
            if below >= share * total:
                return float(2 ** (size / _STEPS))
        return None


def counts_folder(project: Project) -> Path:
    """Return where the workers of this machine write their counts."""
    return project.state / "serving" / "rollout"


class CountsWriter:
    """Writes the counts of one worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log: FrameLog | None = None

    def write(self, counts: Iterable[StageCounts]) -> None:
        """Write counts, and set them back to zero.

        Raises
        ------
        OSError
        """
        for item in counts:
            if not item.rows:
                continue
            if self._log is None:
                self._log = FrameLog(self._folder, max_seconds=_DAY)
            self._log.prepare()
            self._log.append(msgspec.msgpack.encode(item))
            item.rows, item.errors, item.latencies = 0, 0, {}

    def close(self) -> None:
        """End the file."""
        if self._log is not None:
            self._log.close()


def read_counts(project: Project, model: str, stage: int) -> dict[int, Figures]:
    """Return what all workers counted in a stage, by version."""
    figures: dict[int, Figures] = {}
    for path in frame_files(counts_folder(project)):
        for counts in _read(path):
            if (counts.model, counts.stage) == (model, stage):
                figures.setdefault(counts.version, Figures()).add(counts)
    return figures


def remove_counts(project: Project) -> None:
    """Remove the files that no worker writes to: nothing is rolled out, and the files are not read any more."""
    for path in frame_files(counts_folder(project)):
        if not has_writer(path):
            path.unlink()


def _read(path: Path) -> Iterator[StageCounts]:
    decoder = msgspec.msgpack.Decoder(StageCounts)
    return (decoder.decode(body) for body in read_frames(path))
