"""The commands that look ahead: what a plan says before anything ran, and for a later instant."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Call
from tests.worlds import write_shop


def test_a_plan_of_a_new_project_shows_that_nothing_was_ever_made(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path, days=3)
    done = inside("plan", str(shop))
    assert done.returncode == 0
    assert "shop at 2024-03-01 00:00 UTC" in done.stdout
    rows = [line.split("\t") for line in done.stdout.splitlines() if line.startswith("sources/deliveries")]
    assert rows == [["sources/deliveries", "would run", "unknown", "never run"]]
    assert "15 steps would run: duration unknown." in done.stdout
    assert not (shop / ".ml_platform/store").exists()


def test_a_plan_can_be_read_by_machines_and_asked_for_a_later_instant(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path, days=3)
    document = json.loads(inside("plan", str(shop), "--json", "--until", "2024-03-05T00:00:00Z").stdout)
    assert (document["project"], document["now"]) == ("shop", "2024-03-05T00:00:00.000000Z")
    assert document["nodes"][0] == {
        "node": "sources/deliveries",
        "kind": "source",
        "verdict": "would run",
        "reasons": ["never run"],
        "seconds": None,
        "id": None,
    }
    assert len(document["nodes"]) == len(document["never_made_before"]) == 15
    assert document["would_run_seconds"] == document["may_run_seconds"] == 0
    assert inside("advance", "6h", str(shop)).stdout == "The clock of shop is now 2024-03-01 06:00 UTC.\n"


def test_a_plan_for_later_needs_a_clock_that_can_be_moved(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path, days=1)
    file = shop / "project.yaml"
    file.write_text(file.read_text().replace("clock: {simulated_from: 2024-03-01T00:00:00Z}", "clock: wall"))
    done = inside("plan", str(shop), "--until", "2030-01-01T00:00:00Z")
    assert done.returncode == 1
    assert "uses the wall clock, which cannot be moved" in done.stderr
    naive = inside("plan", str(write_shop(tmp_path / "b", days=1)), "--until", "2030-01-01T00:00").stderr
    first = "--until: 2030-01-01T00:00 has no time zone. Write it in UTC, such as 2030-01-01T00:00Z."
    assert naive.splitlines()[0] == first


def test_a_day_is_its_midnight_in_every_command(shop: Path, inside: Call) -> None:
    plans = [
        json.loads(inside("plan", str(shop), "--json", "--until", until).stdout)
        for until in ("2024-03-05", "2024-03-05T00:00:00Z", "2024-03-05T02:00+02:00")
    ]
    assert plans[0] == plans[1] == plans[2]
    for command in (["champion", "late_parcel", str(shop), "--at"], ["run", str(shop), "--until"]):
        assert "'soon' is not an instant. Write it in UTC" in inside(*command, "soon").stderr


def test_a_plan_loads_none_of_the_slow_libraries(tmp_path: Path) -> None:
    shop = write_shop(tmp_path, days=1)
    code = f"""
import sys
from pathlib import Path
from typing import Any
from ml_platform.cli.plan import show_plan
show_plan(Path({str(shop)!r}), None)
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "would run" in done.stdout
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"dagster", "mlflow", "great_expectations", "evidently", "sklearn", "lightgbm"}
