"""Ctrl-C ends a query of the engine, and the engine goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow

CODE = """
import pyarrow as pa
from pathlib import Path
from ml_platform.core.engines import DuckDB
with DuckDB(2) as engine:
    one = engine.arrow("one", pa.table({{"x": range(1_000_000)}}))
    other = engine.arrow("other", pa.table({{"y": range(1_000_000)}}))
    both = one.cross_join(other)
    query = both.aggregate(total=(both.x % 7 * (both.y % 11)).sum())  # hours
    print("begun", flush=True)
    try:
        {deed}
    except KeyboardInterrupt:
        print(engine.run(one.limit(3)).num_rows)
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("deed", ["engine.run(query)", 'engine.keep("kept", query)', 'engine.copy(query, Path("x"))'])
def test_a_query_that_takes_hours_is_stopped(deed: str, tmp_path) -> None:
    command = [sys.executable, "-c", CODE.format(deed=deed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(1)  # the query is being compiled
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert (process.returncode, output) == (0, "3\n")
