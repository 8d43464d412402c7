"""Gates that are measured for a deployment, as checks of its asset."""

from collections.abc import Iterator, Sequence

import dagster as dg

from ml_platform.declarations.gates import measured_gates
from ml_platform.declarations.graph import Node
from ml_platform.declarations.model import ModelSpec
from ml_platform.registry.evaluation.reasons import figure_words, gate_text, limit_words
from ml_platform.storage.artifact_kinds.evaluation import GateResult
from ml_platform_dagster.assets.check_texts import measured_texts
from ml_platform_dagster.assets.checks import check_specs
from ml_platform_dagster.assets.metadata import plotted
from ml_platform_dagster.assets.node_asset import asset_key


def measured_specs(node: Node, model: ModelSpec) -> list[dg.AssetCheckSpec]:
    """Return the checks of a deployment; none where no measured gate is declared."""
    texts = measured_texts(model)
    return check_specs(node, sorted(texts), texts, blocking=False)


def measured_results(node: Node, model: ModelSpec, measured: Sequence[GateResult]) -> Iterator[dg.AssetCheckResult]:
    """Yield the result of each measured gate.

    Parameters
    ----------
    measured
        The gates with their figures; one that is missing was not measured, since the version was refused before.
    """
    by_name = {gate.name: gate for gate in measured}
    for name, limit in sorted(measured_gates(model).items()):
        gate = by_name.get(name)
        text = gate_text(gate) if gate else _not_measured(name, str(limit))
        yield dg.AssetCheckResult(
            asset_key=asset_key(node.name),
            check_name=f"gate_{name}",
            passed=gate is None or bool(gate.passed),
            description=text,
            metadata={
                **plotted({figure_words(name): gate.figure} if gate else {}),
                "required": limit_words(str(limit)),
            },
        )


def _not_measured(name: str, limit: str) -> str:
    return f"{figure_words(name)} not measured, as another condition was not met; required: {limit_words(limit)}"
