"""What is created is closed to other users, but for what is asked for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ml_platform.core.private_files import (
    be_private,
    close_to_others,
    private_folder,
    private_temporary_folder,
    shared_as_wanted,
)


def test_folders_are_closed_to_other_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = tmp_path / "wide"
    wide.mkdir()
    wide.chmod(0o755)
    assert stat.S_IMODE(private_folder(wide).stat().st_mode) == 0o700
    assert stat.S_IMODE(private_folder(tmp_path / "a/b").stat().st_mode) == 0o700
    close_to_others(tmp_path / "none")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first = private_temporary_folder()
    assert (first.parent, stat.S_IMODE(first.stat().st_mode)) == (tmp_path, 0o700)
    first.rmdir()
    first.symlink_to(wide)  # a place that another user prepared
    assert private_temporary_folder().name.startswith("ml_platform-")
    assert private_temporary_folder() != first


def test_what_is_created_is_private_and_what_is_asked_for_follows_the_umask_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_platform.core.private_files._wanted_mask", [])
    before = os.umask(0o027)
    try:
        be_private()
        be_private()
        (tmp_path / "state").touch()
        with shared_as_wanted():
            (tmp_path / "page").touch()
        (tmp_path / "log").touch()
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"state": 0o600, "page": 0o640, "log": 0o600}
