"""Ticks of many instants at once are those of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml_platform.core.clock import EPOCH, tick_at, to_micros
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.features.point_in_time import ticks_of

TABLE = {
    "spec_version": 1,
    "name": "recent",
    "description": "For a test.",
    "owner": "team:test",
    "entity": "shop",
    "source": "sales",
    "features": {"rows": {"count": True, "windows": ["1d"]}},
}
AROUND = (
    datetime(2013, 3, 10, 7, tzinfo=UTC),  # a local day of 23 hours
    datetime(1969, 12, 31, tzinfo=UTC),
    datetime(2024, 2, 29, tzinfo=UTC),
)


@pytest.mark.parametrize(("refresh", "delay"), [("1h", "0s"), ("15m", "10m"), ("1d", "1h"), ("7d", "3d")])
def test_ticks_are_those_of_the_clock_on_either_side_of_1970(refresh: str, delay: str) -> None:
    spec = FeatureTableSpec.model_validate(TABLE | {"refresh": refresh, "publish_delay": delay})
    moved = [timedelta(hours=hours, microseconds=micro) for hours in range(-26, 27) for micro in (-1, 0, 1)]
    instants = [start + span for start in AROUND for span in moved]
    actual = ticks_of(np.array([to_micros(instant) for instant in instants]), spec)
    ticks = [tick_at(instant, spec.refresh, spec.publish_delay) for instant in instants]
    assert actual.tolist() == [(tick - EPOCH) // spec.refresh for tick in ticks]
    assert all(
        tick <= instant - spec.publish_delay < tick + spec.refresh
        for tick, instant in zip(ticks, instants, strict=True)
    )
