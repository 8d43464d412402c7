"""Gates that depend on the machine: measured when a version is deployed, and recorded with the deployment."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from ml_platform.core.plain_values import plain_value
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.declarations.gates import LATENCY, measured_gates
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.predictor import Predictor
from ml_platform.registry.champion import champion_ref
from ml_platform.registry.evaluation.release_rules import judged_gate
from ml_platform.storage.artifact_kinds.evaluation import GateResult
from ml_platform.storage.ledger.lines import ledger_lines
from ml_platform.storage.manifest import Artifact

if TYPE_CHECKING:
    from ml_platform.project import Project

ROWS, REPEATS = 200, 7
"""Test rows that are predicted one by one, and how often all of them are."""


def judge_measured(project: Project, model: str, predictor: Predictor, evaluation: Artifact) -> list[GateResult]:
    """Return each measured gate with its figure, its limit, and whether it holds; nothing where none is declared.

    Parameters
    ----------
    evaluation
        That of the version: the rows of its test period are predicted.
    """
    gates = measured_gates(project.spec.models[model])
    if not gates:
        return []
    measured = {LATENCY: _latency(project, predictor, evaluation.inputs["snapshot"])}
    return [judged_gate(name, gate, measured[name]) for name, gate in sorted(gates.items())]


def last_measured(project: Project, model: str, trained_id: str) -> list[GateResult]:
    """Return the gates that were measured when a version was last deployed; nothing where none was."""
    lines = ledger_lines(project.database, champion_ref(model))
    deployed = [line for line in lines if line.to_value == trained_id and "measured" in line.facts]
    return [GateResult.model_validate(gate) for gate in deployed[-1].facts["measured"]] if deployed else []


def _latency(project: Project, predictor: Predictor, snapshot: str) -> float:
    """Return how long one prediction takes, in milliseconds: the median of repeats, each the median over rows.

    The row form is asked, which the prediction service and one-row requests use. A round before warms it up.
    """
    test = load_snapshot(project, snapshot, ("test",)).part("test")
    places = np.unique(np.linspace(0, len(test) - 1, ROWS).astype(int))
    rows = read_columns(test.iloc[places].reset_index(drop=True), predictor.inputs)
    values = [[plain_value(value) for value in row] for row in rows.itertuples(index=False, name=None)]
    row_form = predictor.row_form()
    rounds = []
    for _ in range(1 + REPEATS):
        times = []
        for row in values:
            began = time.perf_counter()
            row_form.predict(row)
            times.append(time.perf_counter() - began)
        rounds.append(1000 * statistics.median(times))
    return statistics.median(rounds[1:])
