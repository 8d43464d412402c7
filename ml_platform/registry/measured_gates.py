"""Gates that depend on the machine or the moment: measured when a version is deployed, recorded with the deployment."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ml_platform.declarations.gates import measured_gates
from ml_platform.models.predictor import Predictor
from ml_platform.registry.champion import champion_ref
from ml_platform.registry.evaluation.release_rules import judged_gate
from ml_platform.registry.measures.all_measures import MEASURES
from ml_platform.registry.measures.measure import Candidate
from ml_platform.storage.artifact_kinds.evaluation import GateResult
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.ledger.lines import ledger_lines
from ml_platform.storage.manifest import Artifact

if TYPE_CHECKING:
    from ml_platform.project import Project


def judge_measured(
    project: Project, model: str, predictor: Predictor, evaluation: Artifact, now: datetime
) -> list[GateResult]:
    """Return each measured gate with its figure, its limit, and whether it holds; nothing where none is declared.

    Parameters
    ----------
    predictor
        The one that would answer.
    evaluation
        That of the version: the rows of its test period are predicted.
    """
    gates = measured_gates(project.spec.models[model])
    if not gates:
        return []
    trained = TrainedModelManifest.of(project.store.get("trained_model", evaluation.inputs["trained_model"]))
    candidate = Candidate(project, model, trained, predictor, evaluation.inputs["snapshot"], now)
    results = []
    for name, gate in sorted(gates.items()):
        measured = MEASURES[name](candidate)
        result = judged_gate(name, gate, measured.figure)
        results.append(result if measured.note is None else result.but(note=measured.note))
    return results


def last_measured(project: Project, model: str, trained_id: str) -> list[GateResult]:
    """Return the gates that were measured when a version was last deployed; nothing where none was."""
    lines = ledger_lines(project.database, champion_ref(model))
    deployed = [line for line in lines if line.to_value == trained_id and "measured" in line.facts]
    return [GateResult.model_validate(gate) for gate in deployed[-1].facts["measured"]] if deployed else []
