"""What identifies an evaluation: its key before, its id after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_platform.core.hashing import cache_key
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.declarations.user_code.version import code_version

if TYPE_CHECKING:
    from ml_platform.project import Project


KIND = "evaluation"


def evaluation_key(
    project: Project,
    model_name: str,
    trained_id: str,
    snapshot_id: str,
    champion_id: str | None,
    anchor_id: str | None = None,
) -> str:
    """Return the key of an evaluation of a trained model against a champion and an anchor, or against none."""
    declared = {"currency": project.spec.unit_of_value(model_name), **deciding_part(project.spec, KIND, model_name)}
    inputs = inputs_of(trained_id, snapshot_id, champion_id, anchor_id)
    return cache_key(KIND, declared, code_version(KIND), inputs)


def inputs_of(trained_id: str, snapshot_id: str, champion_id: str | None, anchor_id: str | None) -> dict[str, str]:
    """Return what an evaluation is made from, by role; without an anchor the champion is it."""
    rivals = {"champion": champion_id or "", "anchor": anchor_id or champion_id or ""}
    return {"trained_model": trained_id, "snapshot": snapshot_id, **rivals}
