"""`ml-platform approve`: a person's word on a version, and the deployment that follows from it."""

from __future__ import annotations

from pathlib import Path

from ml_platform.cli.run import run_step
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.versions.pending import last_evaluation
from ml_platform.project import open_project
from ml_platform.registry.approvals import decide
from ml_platform.registry.champion import champion
from ml_platform.registry.resolve import version_named
from ml_platform.storage.who import real_user


def approve_version(directory: Path, name: str, reason: str, actor: str | None, reject: bool) -> int:
    """Record a person's word on a version, deploy it if it is approved, and return the exit code."""
    project = open_project(directory)
    version = version_named(project, name)
    decision = decide(
        project,
        version,
        actor=actor or real_user(),
        reason=reason,
        now=project.clock.now(),
        approved=not reject,
    )
    word = "rejected" if reject else "approved"
    print(f"{version} is {word} by {decision.actor}: line {decision.seq} of the ledger.")
    if reject:
        return 0
    evaluation = last_evaluation(project, version.model)
    if evaluation is None or evaluation.inputs["trained_model"] != version.id:
        print(f"It is deployed when {version.model} is evaluated with it again: ml-platform run.")
        return 0
    code = run_step(project, NodeName("deployment", version.model))
    current = champion(project, version.model)
    if code == 0 and current is not None:
        print(f"The champion of {version.model} is {current}.")
    return code
