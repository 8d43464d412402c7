"""What a killed process leaves is swept by the next writer after a day, and is no damage meanwhile."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.atomic_write import sweep, write_durably

HOUR = 3600


def _leave(folder: Path, name: str, hours_ago: float) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(b"half a")
    then = time.time() - hours_ago * HOUR
    os.utime(path, (then, then))
    return path


def test_the_next_writer_sweeps_what_is_older_than_a_day_and_nothing_younger(tmp_path: Path) -> None:
    old, young = (_leave(tmp_path / "store/tmp", f".{hours}", hours) for hours in (25, 23))
    store = ArtifactStore(str(tmp_path / "store"))
    store.put(b"something")
    assert (old.exists(), young.exists()) == (False, True)
    assert list(store.files("objects")) != []


def test_a_half_written_file_never_lies_where_whole_ones_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ArtifactStore(str(tmp_path / "store"))
    seen: list[str] = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        seen.append(self.parent.relative_to(tmp_path).as_posix())
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    stored = store.put(b"something")
    store.write("snapshot", "a", "k", objects={"x": stored})
    store.write_once("anchors/ledger/1.json", b"{}")
    assert seen == ["store/tmp"] * 4
    assert list((tmp_path / "store/tmp").iterdir()) == []


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_durably(tmp_path / "a", b"content", tmp_path / "tmp")
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "a").exists()


def test_sweeping_a_folder_that_is_not_there_removes_nothing(tmp_path: Path) -> None:
    assert sweep(tmp_path / "nothing", 0) == 0
