"""Versions trained through a year are the same when a fresh process trains them again.

Three versions of the shop; with ``ML_PLATFORM_PROVE=1`` thirty of the flights of 2013.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.train import train_model
from ml_platform.project import open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.versions import register_version
from tests.worlds import NOW, write_shop

FLIGHTS = Path(__file__).parents[3] / "examples/flights"
_RETRAIN = """
import json, sys
from ml_platform.project import open_project
from ml_platform.storage.versions import all_versions
from ml_platform.audit.reproduce.reproducer import reproduce
project = open_project(sys.argv[1])
found = [reproduce(project, version) for version in all_versions(project)]
print(json.dumps([[item.version, item.same, item.statement, len(item.differences)] for item in found]))
"""


@pytest.mark.timeout(3600)
def test_versions_of_a_year_are_the_same_when_a_fresh_process_retrains_them(tmp_path: Path) -> None:
    if os.environ.get("ML_PLATFORM_PROVE"):
        shutil.copytree(FLIGHTS, tmp_path, ignore=shutil.ignore_patterns(".*", "__pycache__"), dirs_exist_ok=True)
        last = datetime(2014, 1, 2, 12, tzinfo=UTC)
        _train(tmp_path, "late_arrival", [last - timedelta(days=7 * week, hours=week) for week in range(29, -1, -1)])
        expected = 30
    else:
        write_shop(tmp_path)
        _train(tmp_path, "late_parcel", [NOW - timedelta(days=days) for days in (4, 2, 0)])
        expected = 3
    done = subprocess.run(
        [sys.executable, "-c", _RETRAIN, str(tmp_path)], check=True, stdout=subprocess.PIPE, text=True
    )
    document = json.loads(done.stdout.splitlines()[-1])
    assert len(document) == expected
    assert [item for item in document if not item[1] or item[3]] == []


def _train(root: Path, model: str, instants: list[datetime]) -> None:
    """Train and register a version as of each instant, on the rows that were known by then."""
    project, ids = open_project(root), dict[str, str]()
    for name in project.spec.sources:
        ids[f"sources/{name}"] = ingest_source(project, name, instants[-1]).made.artifact.id
    for name, table in project.spec.feature_tables.items():
        ids[f"features/{name}"] = build_feature_table(project, name, ids[f"sources/{table.source}"]).artifact.id
    for instant in instants:
        snapshot = build_snapshot(project, model, ids, instant).artifact.id
        register_version(project, model, train_model(project, model, snapshot).artifact, instant)
