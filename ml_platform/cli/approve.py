"""`ml-platform approve`: a person approves or rejects a version, and what is approved is deployed."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from ml_platform.cli.json_output import print_json
from ml_platform.cli.run import run_step
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.versions.pending import last_evaluation
from ml_platform.project import Project, open_project
from ml_platform.registry.approvals import decide
from ml_platform.registry.champion import champion
from ml_platform.registry.resolve import version_named
from ml_platform.storage.versions import Version
from ml_platform.storage.who import real_user


def approve_version(
    directory: Path, name: str, reason: str, actor: str | None, reject: bool, *, as_json: bool = False
) -> int:
    """Record that a person approves or rejects a version, deploy it if approved, and return the exit code."""
    console = SafeConsole(stderr=as_json)
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
    console.print(f"{version} is {word} by {decision.actor}: line {decision.seq} of the ledger.", soft_wrap=True)
    code = 0 if reject else _deploy(project, version, console)
    if as_json:
        current = champion(project, version.model)
        who = {"actor": decision.actor, "ledger_line": decision.seq}
        print_json({"version": str(version), "decision": word, **who, "champion": current and str(current)})
    return code


def _deploy(project: Project, version: Version, console: Console) -> int:
    evaluation = last_evaluation(project, version.model)
    if evaluation is None or evaluation.inputs["trained_model"] != version.id:
        text = f"It is deployed when {version.model} is evaluated with it again: ml-platform run."
        console.print(text, soft_wrap=True)
        return 0
    code = run_step(project, NodeName("deployment", version.model), console)
    current = champion(project, version.model)
    if code == 0 and current is not None:
        console.print(f"The champion of {version.model} is {current}.", soft_wrap=True)
    return code
