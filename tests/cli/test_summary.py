"""What `status` says of realized gain: each sum of rows once."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from ml_platform.cli.summary import _monitoring
from ml_platform.operations.monitoring.drift_counts import DriftCounts
from ml_platform.reporting.status import ModelStatus, MonitoringStatus


def summed(settled: int, start: str) -> dict[str, Any]:
    apart = dict.fromkeys(("superseded", "late", "without_label", "without_payoff"), 0)
    runs = {"start": start, "end": "2024-01-18T00:00:00.000000Z"}
    return {"settled": settled, "rows": settled, "uplift": 12.0, "do_nothing": 0.0, "expected": None, **apart, **runs}


@pytest.mark.parametrize(("since", "lines"), [(40, ["since deployment"]), (90, ["batch runs 2024-01-15", "since"])])
def test_the_realized_gain_is_printed_once_where_the_window_began_at_the_deployment(
    since: int, lines: list[str]
) -> None:
    seen = MonitoringStatus(
        at="2024-01-20T00:00:00.000000Z",
        verdict="stable",
        reason="nothing moved",
        rows=40,
        drifted=(),
        undecided=(),
        drift=DriftCounts(drifted=0, steady=3, undecided=0),
        unlearned_nulls={},
        realized=summed(40, "2024-01-15T00:00:00.000000Z"),
        realized_since=summed(since, "2024-01-16T00:00:00.000000Z"),
        metrics={},
        report=None,
    )
    model = ModelStatus("m", "binary", 1, None, 0, None, 0, None, seen, (), None, None)
    console = Console(width=300, file=io.StringIO())
    for line in _monitoring(model, "EUR"):
        console.print(line)
    shown = [line for line in console.file.getvalue().splitlines() if "realized gain" in line]  # type: ignore[attr-defined]
    assert len(shown) == len(lines)
    assert all(words in line for words, line in zip(lines, shown, strict=True))
