"""What validate says about declarations that are no fault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ml_platform.declarations.checks.notes import notes_of
from ml_platform.declarations.load.load import load_project
from tests.worlds import write_shop

PROGRAM = str(Path(sys.executable).parent / "ml-platform")


def test_a_test_period_too_short_for_a_release_is_a_note_with_its_place(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=1)
    path = root / "models/late_parcel.yaml"
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if text.startswith("split:"))
    path.write_text(path.read_text().replace("test: 14d", "test: 13d"))
    note = (
        f"models/late_parcel.yaml:{line}: split.test is 13d: no version is released below 14 test days. "
        "Write at least 14d."
    )
    assert note in list(notes_of(load_project(root)))
    done = subprocess.run([PROGRAM, "validate", str(root)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"note: {note}" in done.stdout
