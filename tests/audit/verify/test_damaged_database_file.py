"""A database file that was cut, overwritten or changed in one bit is damage, and no exception."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from ml_platform.audit.verify.verify import verify_project
from ml_platform.project import Project, open_project
from tests.audit.verify.edits import edited_by_hand


def _file(project: Project) -> Path:
    """Return the database's file with all that was committed in it."""
    with edited_by_hand(project) as hand:
        hand.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for name in ("platform.sqlite-wal", "platform.sqlite-shm"):
        (project.state / name).unlink(missing_ok=True)
    return project.state / "platform.sqlite"


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9])
def test_a_database_that_was_cut_short_is_damage_and_no_exception(damaged: Project, share: float) -> None:
    path = _file(damaged)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert not verify_project(open_project(damaged.root)).whole


def test_a_file_that_is_no_database_is_damage_and_no_exception(damaged: Project) -> None:
    _file(damaged).write_bytes(b"this is no database" * 1000)
    verification = verify_project(open_project(damaged.root))
    assert "file is not a database" in str([damage.problem for damage in verification.damages])


@pytest.mark.parametrize("seed", range(6))
def test_a_page_of_noise_is_damage_and_no_exception(damaged: Project, seed: int) -> None:
    path, draw = _file(damaged), Random(seed)
    content = bytearray(path.read_bytes())
    used = [page for page in range(1, len(content) // 4096) if any(content[page * 4096 : page * 4096 + 4096])]
    start = draw.choice(used) * 4096
    content[start : start + 4096] = draw.randbytes(4096)
    path.write_bytes(content)
    assert not verify_project(open_project(damaged.root)).whole


def test_one_flipped_bit_in_a_row_is_named(damaged: Project) -> None:
    """The hash of a manifest's row, in the database's file: one bit of one letter."""
    with edited_by_hand(damaged) as hand:
        kind, id, sha256 = hand.execute("SELECT kind, id, sha256 FROM manifests LIMIT 1").fetchone()
    path = _file(damaged)
    content = bytearray(path.read_bytes())
    place = content.index(sha256.encode())
    content[place] ^= 1
    path.write_bytes(content)
    verification = verify_project(open_project(damaged.root))
    assert f'manifests ["{kind}","{id}"]' in [damage.where for damage in verification.damages]
