"""The page that people read is self-contained, bounded, and leaves no trace elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from ml_platform.operations.monitoring import report
from ml_platform.operations.monitoring.drift_result import ColumnDrift, ColumnVerdict, DriftResult
from ml_platform.operations.monitoring.report import MAX_COLUMNS, MAX_ROWS, Looked, drift_report, verdicts

LOOKED = Looked("late", 3, datetime(2024, 4, 1, tzinfo=UTC), datetime(2024, 4, 8, 12, tzinfo=UTC))


def frame(rows: int, shift: float = 0.0) -> pd.DataFrame:
    draw = np.random.default_rng(rows)
    return pd.DataFrame(
        {
            "table.number": draw.normal(size=rows) + shift,
            "orders.kind": draw.choice(np.array(["a", "b", None], dtype=object), size=rows),
            "orders.flag": pd.array(draw.choice([True, False], size=rows), dtype="boolean"),
            "orders.count": pd.array(draw.integers(0, 5, size=rows), dtype="Int64"),
            "table.empty": np.full(rows, np.nan),
        }
    )


def result(columns: dict[str, str], reason: str = "1 of 5 features drifted") -> DriftResult:
    """Return verdicts by column, in order."""
    compared = tuple(
        ColumnDrift(
            column=name,
            role="feature",
            verdict=cast(ColumnVerdict, verdict),
            drifted=verdict == "drifted",
            what="level",
            expected=0.5,
            mean=0.75,
            threshold=0.0625,
            ratio=4.0,
            smallest_visible="a shift by 0.21",
            by_growth=False,
            note="it moves by itself" if verdict == "inconclusive" else "",
            reference_days=90,
            current_rows=300,
            reference_missing=0.0,
            current_missing=0.0,
            moved="",
        )
        for name, verdict in columns.items()
    )
    return DriftResult("drift", reason, 300, compared)


def same(frame: pd.DataFrame, verdict: str = "not drifted") -> DriftResult:
    return result(dict.fromkeys(map(str, frame.columns), verdict))


def test_the_page_shows_numbers_texts_and_flags_with_values_and_loads_nothing_from_elsewhere() -> None:
    page = drift_report(frame(500), frame(300, shift=2.0), same(frame(1)), LOOKED)
    assert page is not None
    drawn = re.sub(r"<section.*?</section>", "", page, flags=re.DOTALL)
    for name in ("table.number", "orders.kind", "orders.flag", "orders.count"):
        assert name in drawn
    assert "table.empty" not in drawn
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=\"https?:", page)


def test_the_page_gives_our_verdicts_and_no_other() -> None:
    both = pd.DataFrame({"a": np.arange(1000.0), "b": np.arange(1000.0)})
    page = drift_report(
        both, both + 200, result({"a": "drifted", "b": "inconclusive"}, "1 of 2 features drifted"), LOOKED
    )
    assert page is not None
    table = re.sub(r"<[^>]*>", "|", page[page.index("<section") : page.index("</section>")])
    assert "<title>Drift of late@3</title>" in page
    assert "|late@3: 1 of 2 features drifted|" in table
    assert "300 predictions from 2024-04-01 00:00 UTC to 2024-04-08 12:00 UTC" in table
    assert "rows that version 3 learned from" in table
    assert "|a||drifted||mean rank||0.44 to 0.56||0.75||a shift by 0.21|" in table
    assert table.index("|1 column without drift or without a verdict|") > table.index("|a||drifted|")
    assert "|b||inconclusive|" in table
    assert "|inconclusive: it moves by itself (1)|" in table
    assert "rift is" not in page  # Evidently's "Drift is detected", "Data drift is not detected"
    assert "rift detect" not in page


def test_names_and_values_of_the_data_cannot_run_in_the_table() -> None:
    hostile = "<script>alert(1)</script>"
    table = verdicts(result({hostile: "drifted"}, reason=hostile), LOOKED)
    assert hostile not in table
    assert table.count("&lt;script&gt;") == 2


def test_a_column_that_was_not_compared_has_no_figures() -> None:
    table = re.sub(r"<[^>]*>", "|", verdicts(result({"a": "too few rows"}), LOOKED))
    assert re.search(r"\|a\|\|too few rows\|+Below", table)


def test_rows_and_columns_are_bounded() -> None:
    wide = pd.DataFrame({f"column{number:03d}": np.arange(5 * MAX_ROWS, dtype=float) for number in range(40)})
    page = drift_report(wide, wide, same(wide), LOOKED)
    assert page is not None
    drawn = re.sub(r"<section.*?</section>", "", page, flags=re.DOTALL)
    shown = [name for name in map(str, wide) if name in drawn]
    assert shown == list(wide)[:MAX_COLUMNS]
    assert len(page) < 12_000_000


def test_without_a_value_on_both_sides_there_is_no_page() -> None:
    assert drift_report(frame(10), frame(0), result({"table.number": "not drifted"}), LOOKED) is None
    assert drift_report(frame(10), frame(10), result({"table.empty": "not drifted"}), LOOKED) is None


def test_the_library_leaves_no_file_and_prints_no_word(tmp_path: Path) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    code = (
        "import numpy, pandas; from ml_platform.operations.monitoring.drift import *;"
        "from ml_platform.operations.monitoring.report import Looked, drift_report;"
        "from ml_platform.declarations.in_production import Monitoring;"
        "f = pandas.DataFrame({'x': numpy.arange(100.0)});"
        "t = pandas.Series(pandas.date_range('2024-01-01', periods=100, freq='D', tz='UTC'));"
        "r = summarize_reference((f, t), (f[[]], t)); end = t.max().to_pydatetime();"
        "c = summarize_window(r, f, t, t.min().to_pydatetime(), end);"
        "v = compare(r, c, Monitoring.model_validate({'window': '7d'}));"
        "print('<html' in drift_report(f, f, v, Looked('m', 1, end, end)))"
    )
    environment = {**os.environ, "HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=here, env=environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)
    assert [*home.iterdir(), *here.iterdir()] == []


def without_random_names(page: str | None) -> str:
    return re.sub(r"[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f-]{27}|sha256-[A-Za-z0-9+/=]{44}", "", page or "")


def test_each_column_is_drawn_once_and_the_page_is_that_of_drawing_it_for_each_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, now = (frame(rows).drop(columns="table.empty") for rows in (400, 300))
    page = drift_report(before, now, same(now), LOOKED)  # also imports the library without its warnings
    from evidently.metrics import column_statistics

    draw, drawn = column_statistics.distribution, []

    def counted(title: str, current: Any, reference: Any) -> Any:
        drawn.append(current.data.name)
        return draw(title, current, reference)

    monkeypatch.setattr(column_statistics, "distribution", counted)
    drift_report(before, now, same(now), LOOKED)
    assert sorted(drawn) == sorted(now.columns)
    monkeypatch.setattr(report, "_each_column_drawn_once", nullcontext)
    assert without_random_names(page) == without_random_names(drift_report(before, now, same(now), LOOKED))
    assert len(drawn) > 10
