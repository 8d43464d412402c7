"""Changes that a tutorial advises make a valid project: each block of YAML is written into the model, in order."""

import json
from pathlib import Path

import pytest

from ml_platform.declarations.yaml.document import read_document
from ml_platform.project import open_project
from tests.documents.blocks import ROOT, blocks
from tests.documents.test_tutorials import run

MADE = {
    "regression": ("minutes", "init minutes --from orders.csv --predict minutes_late --leave-out late"),
    "multiclass": (
        "parcels",
        "init parcels --from orders.csv --predict parcel --leave-out late --leave-out minutes_late",
    ),
}


@pytest.mark.parametrize("page", MADE)
def test_each_change_that_a_tutorial_advises_is_valid(page: str, tmp_path: Path) -> None:
    script = next(block for block in blocks(ROOT / "docs/tutorials/own-csv.md") if block.file == "make_orders.py")
    (tmp_path / "make_orders.py").write_text(script.text)
    folder, command = MADE[page]
    run(tmp_path, f"python make_orders.py && ml-platform {command}")
    (model,) = (tmp_path / folder / "models").iterdir()
    changes = [block.text for block in blocks(ROOT / f"docs/tutorials/{page}.md") if block.language == "yaml"]
    assert len(changes) >= 2
    for change in changes:
        before, after = (read_document("a.yaml", text.encode()).value for text in (model.read_text(), change))
        model.write_text(json.dumps(before | after))
        open_project(tmp_path / folder)
