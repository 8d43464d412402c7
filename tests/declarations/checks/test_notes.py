"""What validate says about declarations that are no fault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ml_platform.declarations.checks.notes import notes_of
from ml_platform.declarations.load.load import load_project
from tests.customers import write_customers
from tests.worlds import write_shop

PROGRAM = str(Path(sys.executable).parent / "ml-platform")


@pytest.mark.slow
def test_a_test_period_too_short_for_a_release_is_a_note_with_its_place(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=1)
    path = root / "models/late_parcel.yaml"
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if text.startswith("split:"))
    path.write_text(path.read_text().replace("test: 14d", "test: 13d"))
    note = (
        f"models/late_parcel.yaml:{line}: split.test is 13d, which has 13 days with batch runs. A release needs "
        "14 such days. Write at least 14d."
    )
    assert note in list(notes_of(load_project(root)))
    done = subprocess.run([PROGRAM, "validate", str(root)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"note: {note}" in done.stdout


def test_rows_and_labels_that_can_repeat_for_an_entity_are_notes(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=1)
    assert list(notes_of(load_project(root))) == []
    file = root / "project.yaml"
    file.write_text(file.read_text().replace("order: [order_id]", "order: [courier]"))
    model = root / "models/late_parcel.yaml"
    notes = [note for note in notes_of(load_project(root)) if note.startswith("models/late_parcel")]
    places = {
        key: number for number, text in enumerate(model.read_text().splitlines(), 1) for key in [text.split(":")[0]]
    }
    assert notes == [
        f"models/late_parcel.yaml:{places['label']}: deliveries can have several rows of one order, because its key is "
        "order_id. If it has, training stops. Declare an aggregate over a window, such as any, last or sum.",
        f"models/late_parcel.yaml:{places['population']}: orders can have several rows of one order at one batch "
        "run, because its key is order_id. Only the row that became known first gets a prediction. The others are "
        "counted.",
    ]


def test_rows_that_ask_when_they_become_known_are_a_note_unless_limited_in_time(
    tmp_path: Path,
) -> None:
    root = write_customers(tmp_path / "customers")
    assert [note for note in notes_of(load_project(root)) if ": baskets can" in note] == []
    model = root / "models/next_spend.yaml"
    model.write_text(model.read_text().replace(", at_most_once_per: 7d", ""))
    assert [note for note in notes_of(load_project(root)) if ": baskets can" in note] == [
        "models/next_spend.yaml:6: baskets can have several rows of one customer at one batch run, because its key is "
        "basket. Only the row that became known first gets a prediction. The others are counted."
    ]


def test_weekly_batch_runs_need_fourteen_weeks(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=1)
    path = root / "models/late_parcel.yaml"
    path.write_text(path.read_text().replace("0 * * * * UTC", "0 6 * * 1 UTC").replace("test: 14d", "test: 35d"))
    notes = [note for note in notes_of(load_project(root)) if "split.test" in note]
    assert len(notes) == 1
    assert "split.test is 35d, which has 5 days with batch runs" in notes[0]
    assert notes[0].endswith("Write at least 98d.")


def test_a_transform_without_a_row_form_is_a_note_where_the_model_is_online(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=1)
    (root / "steps.py").write_text("def heavy(rows):\n    return rows[['orders.items']]\n")
    path = root / "models/late_parcel.yaml"
    text = path.read_text().replace("split:", 'transforms: ["steps:heavy"]\nsplit:')

    def notes(deployment: str) -> list[str]:
        path.write_text(text.replace('batch: "0 * * * * UTC"', deployment))
        return [note for note in notes_of(load_project(root)) if "row form" in note]

    assert notes('batch: "0 * * * * UTC"') == []
    (note,) = notes('batch: "0 * * * * UTC", online: true')
    assert note.startswith("models/late_parcel.yaml:")
    assert "steps:heavy has no row form" in note
    assert "Write heavy_row(row) beside it" in note
    (root / "steps.py").write_text("def heavy(rows):\n    return rows\n\n\ndef heavy_row(row):\n    return {}\n")
    assert notes('batch: "0 * * * * UTC", online: true') == []
