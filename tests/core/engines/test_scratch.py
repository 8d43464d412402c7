"""Folders for temporary files go with their block, and with their process where it was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ml_platform.core.engines.scratch import scratch_folder, sweep_scratch

HOLDER = """
import sys, time
from pathlib import Path
from ml_platform.core.engines.scratch import scratch_folder

with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "rows.parquet").write_text("a person")
    print(folder, flush=True)
    time.sleep(60)
"""


def holder(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(parent)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_folder_goes_with_its_block_also_where_it_failed(tmp_path: Path) -> None:
    def fail() -> None:
        with scratch_folder(tmp_path) as folder:
            (folder / "rows.parquet").write_text("a person")
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_folder_of_a_killed_process_is_removed_by_the_next(tmp_path: Path) -> None:
    process, folder = holder(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (folder / "rows.parquet").exists()
    with scratch_folder(tmp_path) as scratch:
        assert not folder.exists()
        assert [path for path in tmp_path.iterdir() if path.is_dir()] == [scratch]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_folder_of_a_process_at_work_stays_and_is_named(tmp_path: Path) -> None:
    process, folder = holder(tmp_path)
    assert sweep_scratch(tmp_path) == [folder]
    assert (folder / "rows.parquet").exists()
    process.kill()
    process.communicate()
    assert sweep_scratch(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
