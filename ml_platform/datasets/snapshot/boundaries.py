"""Where the stretches of a snapshot begin and end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import format_duration
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.model import ModelSpec

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

    def stretch(self, part: Part) -> tuple[datetime, datetime]:
        """Return where a stretch starts and where the next begins."""
        edges = (self.train_start, self.validate_start, self.test_start, self.end)
        place = PARTS.index(part)
        return edges[place], edges[place + 1]

    def holds(self, part: Part, effective: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return which batch runs belong to a stretch."""
        start, end = self.stretch(part)
        last = end if part == "test" else end - self.horizon
        return pc.and_(pc.greater(effective, _scalar(start)), pc.less_equal(effective, _scalar(min(last, end))))

    def as_json(self) -> dict[str, str]:
        """Return the boundaries as a manifest writes them."""
        return {
            name: format_duration(value) if isinstance(value, timedelta) else format_instant(value)
            for name, value in asdict(self).items()
        }


def _scalar(instant: datetime) -> pa.Scalar:
    return pa.scalar(instant, pa.timestamp("us", tz="UTC"))
