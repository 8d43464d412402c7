"""`ml-platform rollback`: end the running rollout, or make an earlier champion the champion again."""

from __future__ import annotations

from pathlib import Path

from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import UnknownModel
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.project import open_project
from ml_platform.registry.champion import ROLL_BACK, champion
from ml_platform.registry.resolve import version_named
from ml_platform.registry.rollback import roll_back
from ml_platform.registry.rollout import END
from ml_platform.reporting.mlflow.outbox import keep
from ml_platform.reporting.mlflow.records import deployment_record
from ml_platform.storage.who import real_user


def roll_back_model(
    directory: Path, model: str, to: str | None, reason: str, actor: str | None, *, as_json: bool = False
) -> int:
    """Roll a model back, and return the exit code.

    Raises
    ------
    UnknownModel, NothingToRollBack, ApprovalWithoutReason, ArtifactDamaged, NoSuchVersion
    """
    project = open_project(directory)
    if model not in project.spec.models and champion(project, model) is None:
        raise UnknownModel(model, list(project.spec.models))
    named = version_named(project, to) if to else None
    who = actor or real_user()
    line = roll_back(project, model, to=named, actor=who, reason=reason, now=project.clock.now())
    before, now = line.facts["from_version"], champion(project, model)
    if line.action == ROLL_BACK and now is not None:
        keep(project, deployment_record(now, line.at, line.reason))  # MLflow is never waited for
    text = f"The champion of {model} is {now} again, in place of {model}@{before}: line {line.seq} of the ledger."
    if line.action == END:
        text = f"The rollout of {model}@{before} has ended, and the champion is {now}: line {line.seq} of the ledger."
    SafeConsole(stderr=as_json).print(text, soft_wrap=True)
    if as_json:
        print_json({"champion": str(now), "from_version": before, "actor": who, "ledger_line": line.seq})
    return 0
