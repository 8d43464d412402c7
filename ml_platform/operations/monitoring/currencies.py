"""In which currency the amounts of each version are: a sum over two currencies is no amount."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.models.decision import Decision
from ml_platform.project import Project
from ml_platform.registry.champion import champion, champion_ref
from ml_platform.registry.rollout import rollout_ref
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.ledger.lines import LedgerLine, ledger_lines
from ml_platform.storage.versions import versions


def currencies_of(project: Project, model: str, decisions: Mapping[int, Decision]) -> dict[int, str]:
    """Return the currency of each version's amounts.

    It is the declared one where the version has the declared payoffs: then only the name of the currency has been
    corrected. Else it is the one that was declared when the version was deployed.
    """
    declared = Decision.declared(project.spec.models[model].value, project.spec.models[model].population.owner)
    now, then = project.spec.unit_of_value(model), _when_deployed(project, model)
    numbers = {version.number: version.id for version in versions(project, model)}
    return {
        number: now if decision == declared else then.get(numbers[number], now)
        for number, decision in decisions.items()
    }


def currency_now(project: Project, model: str, currencies: Mapping[int, str], now: datetime) -> str:
    """Return the currency of the champion's amounts; without a champion the declared one."""
    version, declared = champion(project, model, at=now), project.spec.unit_of_value(model)
    return declared if version is None else currencies.get(version.number, declared)


def _when_deployed(project: Project, model: str) -> dict[str, str]:
    """Return the currency in which each version was evaluated when it was deployed, or rolled out, by id."""
    lines = [
        *ledger_lines(project.database, rollout_ref(model)),
        *ledger_lines(project.database, champion_ref(model)),
    ]
    named = [(str(line.to_value).partition(":")[0], _currency(project, line)) for line in lines]
    return {id: currency for id, currency in named if currency}


def _currency(project: Project, line: LedgerLine) -> str:
    if "currency" in line.facts:
        return str(line.facts["currency"])
    try:
        return EvaluationManifest.of(project.store.get("evaluation", line.facts["evaluation"])).currency
    except (KeyError, ArtifactMissing, ArtifactDamaged):  # a rollback names no evaluation
        return ""
