"""Where the stretches of a snapshot begin and end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import format_duration, parse_duration
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.model import ModelSpec
from ml_platform.storage.artifact_kinds.snapshot import SplitBoundaries

Part = Literal["train", "validate", "test"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Boundaries:
    """Where the stretches of a snapshot begin and end; each is ``(start, end]`` by batch run.

    A row belongs to a stretch if its label is settled before the next one begins.
    """

    train_start: datetime
    validate_start: datetime
    test_start: datetime
    end: datetime
    horizon: timedelta

    @classmethod
    def of(cls, model: ModelSpec, as_of: datetime) -> Boundaries:
        """Return the boundaries that end where labels are settled."""
        end = as_of - model.label.horizon
        test_start = end - model.split.test
        validate_start = test_start - model.split.validate_
        return cls(validate_start - model.split.train, validate_start, test_start, end, model.label.horizon)

    @classmethod
    def read(cls, written: SplitBoundaries) -> Boundaries:
        """Return the boundaries that a manifest holds."""
        instants = (written.train_start, written.validate_start, written.test_start, written.end)
        first, second, third, last = map(datetime.fromisoformat, instants)
        return cls(first, second, third, last, parse_duration(written.horizon))

    def stretch(self, part: Part) -> tuple[datetime, datetime]:
        """Return where a stretch starts and where the next begins."""
        edges = (self.train_start, self.validate_start, self.test_start, self.end)
        place = PARTS.index(part)
        return edges[place], edges[place + 1]

    def holds(self, part: Part, effective: pa.ChunkedArray, *, with_purged: bool = False) -> pa.ChunkedArray:
        """Return which batch runs belong to a stretch.

        Parameters
        ----------
        with_purged
            Whether those belong to it too whose labels were not settled when the next stretch began.
        """
        start, end = self.stretch(part)
        last = end if part == "test" or with_purged else end - self.horizon
        return pc.and_(pc.greater(effective, _scalar(start)), pc.less_equal(effective, _scalar(min(last, end))))

    def written(self) -> SplitBoundaries:
        """Return the boundaries as a manifest holds them."""
        return SplitBoundaries(
            train_start=format_instant(self.train_start),
            validate_start=format_instant(self.validate_start),
            test_start=format_instant(self.test_start),
            end=format_instant(self.end),
            horizon=format_duration(self.horizon),
        )


def _scalar(instant: datetime) -> pa.Scalar:
    return pa.scalar(instant, pa.timestamp("us", tz="UTC"))
