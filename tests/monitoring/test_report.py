"""The page that people read is self-contained, bounded, and leaves no trace elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from ml_platform.monitoring.report import MAX_COLUMNS, MAX_ROWS, drift_report


def frame(rows: int, shift: float = 0.0) -> pd.DataFrame:
    draw = np.random.default_rng(rows)
    return pd.DataFrame(
        {
            "table.number": draw.normal(size=rows) + shift,
            "orders.kind": draw.choice(["a", "b", None], size=rows),
            "orders.flag": pd.array(draw.choice([True, False], size=rows), dtype="boolean"),
            "orders.count": pd.array(draw.integers(0, 5, size=rows), dtype="Int64"),
            "table.empty": np.full(rows, np.nan),
        }
    )


def test_the_page_shows_numbers_texts_and_flags_with_values_and_loads_nothing_from_elsewhere() -> None:
    page = drift_report(frame(500), frame(300, shift=2.0), dict.fromkeys(frame(1), 0.25))
    assert page is not None
    for name in ("table.number", "orders.kind", "orders.flag", "orders.count"):
        assert name in page
    assert "table.empty" not in page
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=\"https?:", page)


def test_a_column_counts_as_drifted_from_its_own_limit() -> None:
    both = pd.DataFrame({"a": np.arange(1000.0), "b": np.arange(1000.0)})
    page = drift_report(both, both + 200, {"a": 0.01, "b": 100.0})
    assert page is not None
    assert "Drift is detected for 50.0% of columns (1 out of 2)" in page
    assert "Dataset Drift is detected. Dataset drift detection threshold is 0.5" in page


def test_rows_and_columns_are_bounded() -> None:
    wide = pd.DataFrame({f"column{number:03d}": np.arange(5 * MAX_ROWS, dtype=float) for number in range(40)})
    page = drift_report(wide, wide, dict.fromkeys(wide, 0.25))
    assert page is not None
    shown = [name for name in wide if name in page]
    assert shown == list(wide)[:MAX_COLUMNS]
    assert len(page) < 12_000_000


def test_without_a_value_on_both_sides_there_is_no_page() -> None:
    assert drift_report(frame(10), frame(0), {"table.number": 0.25}) is None
    assert drift_report(frame(10), frame(10), {"table.empty": 0.25}) is None


def test_the_library_leaves_no_file_and_no_word_behind(tmp_path: Path) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    code = (
        "import numpy, pandas; from ml_platform.monitoring.report import drift_report;"
        "f = pandas.DataFrame({'x': numpy.arange(100.0)}); print('<html' in drift_report(f, f, {'x': 0.25}))"
    )
    environment = {**os.environ, "HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=here, env=environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)
    assert [*home.iterdir(), *here.iterdir()] == []
