"""Stored declarations keep the form in which they were stored first, so that ids stay and older logs can be read."""

from __future__ import annotations

import json
from pathlib import Path

from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.serialized import kept_declarations, read_declarations
from tests.declarations.ferry import edit


def test_a_renamed_key_is_stored_under_its_former_name_and_read_back(ferry: Path) -> None:
    edit(ferry, "models/late.yaml", "task: binary\n", "task: binary\nleakage: {allow: [label]}\n")
    spec = load_project(ferry, {})
    kept = json.loads(json.dumps(kept_declarations(spec, "late")))
    model = kept["models"]["late"]
    assert (model["leaks"]["allow"], "leakage" in model) == (["label"], False)
    assert read_declarations(spec, kept).models["late"].leakage.allow == ("label",)


def test_a_model_that_does_not_answer_requests_is_stored_as_before(ferry: Path) -> None:
    edit(ferry, "models/late.yaml", '* * * * Europe/Oslo"}', '* * * * Europe/Oslo", approval: required}')
    spec = load_project(ferry, {})
    kept = kept_declarations(spec, "late")
    deployment = kept["models"]["late"]["deployment"]
    assert list(deployment.items())[-2:] == [("online", False), ("approval", "required")]
    assert read_declarations(spec, json.loads(json.dumps(kept))).models["late"] == spec.models["late"]
