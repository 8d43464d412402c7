"""Ten thousand faults: verifying names each, and nothing that was damaged is used or makes anything crash.

A slice is always planted; with ``ML_PLATFORM_PROVE=1`` all are.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from ml_platform.audit.verify.findings import Verification
from ml_platform.audit.verify.verify import verify_project
from ml_platform.project import Project, open_project
from tests.audit.verify.factory_uses import Uses
from tests.audit.verify.faults import Fault, plant_in_database, plant_in_files

_PROVE = bool(os.environ.get("ML_PLATFORM_PROVE"))
_SINGLE, _MANY = (500, 252) if _PROVE else (10, 4)
_ALONE = ("objects", "manifests", "keys", "anchors", "database")
_TOGETHER = {"objects": 60, "manifests": 60, "keys": 60}
CASES = [(seed, _ALONE[seed % 5], 1) for seed in range(_SINGLE)]
CASES += [(seed, *list(_TOGETHER.items())[max(seed % 4 - 1, 0)]) for seed in range(_SINGLE, _SINGLE + _MANY)]


@pytest.fixture(scope="module")
def uses(built: Project) -> Uses:
    return Uses(built)


@pytest.fixture(scope="module")
def planted() -> Counter[str]:
    return Counter()


@pytest.mark.parametrize(("seed", "folder", "count"), CASES)
@pytest.mark.timeout(300)
def test_each_fault_is_named_and_none_is_used_in_silence(
    built: Project, uses: Uses, planted: Counter[str], tmp_path: Path, seed: int, folder: str, count: int
) -> None:
    draw = Random(seed)
    root = _copy(built, tmp_path / "factory")
    faults = _plant(root, draw, count, folder)
    damaged = open_project(root)
    verification = verify_project(damaged)
    damages = verification.damages
    damaged.database.engine.dispose()
    silent = [
        fault.what for fault in faults if not fault.named_by(damages) and not _is_unfinished(built, fault, verification)
    ]
    assert silent == [], f"{len(silent)} of {len(faults)} are silent; named: {[str(item) for item in damages]}"
    used = uses.wrong(root, training=count == 1 and (_PROVE or seed % 2 == 0))
    assert used == [], f"used in spite of {[fault.what for fault in faults]}"
    planted["planted"] += len(faults)
    shutil.rmtree(root)


def _is_unfinished(built: Project, fault: Fault, verification: Verification) -> bool:
    """Return whether the newest note of the ledger is gone, as where a process was stopped before it wrote the note."""
    newest = max((built.state / "store/anchors/ledger").iterdir()).name
    return fault.what == f"anchors/ledger/{newest} removed" and any(
        "have no anchor in the store yet" in text for text in verification.unfinished
    )


def _copy(built: Project, root: Path) -> Path:
    built.database.engine.dispose()
    shutil.copytree(built.root, root)
    return root


def _plant(root: Path, draw: Random, count: int, folder: str) -> list[Fault]:
    project = open_project(root)
    try:
        if folder == "database":
            return [plant_in_database(project, draw)]
        return plant_in_files(project, draw, folder, count)
    finally:
        project.database.engine.dispose()


def test_so_many_faults_were_planted(planted: Counter[str]) -> None:
    assert planted["planted"] >= (10_000 if _PROVE else 80)


def test_a_whole_factory_has_no_damage(built: Project) -> None:
    verification = verify_project(built)
    assert [str(damage) for damage in verification.damages] == []
    assert verification.whole
    assert verification.checked["ledger lines"] == 5
    assert verification.checked["manifests"] == sum(1 for _ in (built.state / "store/manifests").rglob("*.json"))
    assert verification.checked["objects"] == sum(
        1 for path in (built.state / "store/objects").rglob("*") if path.is_file()
    )
