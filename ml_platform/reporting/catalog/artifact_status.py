"""What of a node is there: its artifact, or why there is none; its declaration and its checks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.declarations.expectations import check_names
from ml_platform.declarations.project import Location
from ml_platform.declarations.source import Expectation
from ml_platform.project import Project
from ml_platform.reporting.catalog.node_facts import CheckFacts, Declared, StoredState
from ml_platform.sources.checks.results import CheckResult, last_recording
from ml_platform.storage.artifact_kinds import artifact_kind
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output, partition_instants


def current_artifact(project: Project, node: str, kind: str) -> tuple[Artifact | None, str]:
    """Return what a node made last, and why it is not there where it should be."""
    id = current_output(project.database, node)
    return (None, "") if id is None else artifact_or_problem(project, kind, id)


def artifact_or_problem(project: Project, kind: str, id: str) -> tuple[Artifact | None, str]:
    """Return an artifact, or why it cannot be had."""
    try:
        return project.store.get(kind, id), ""
    except (ArtifactMissing, ArtifactDamaged) as error:
        return None, str(error)


def stored_state(
    project: Project, node: str, artifact: Artifact | None, newest: str | None, problem: str
) -> StoredState:
    """Return the state of a source or a feature table.

    Parameters
    ----------
    newest
        The newest instant in the artifact.
    problem
        Why facts are not available.
    """
    made_at = partition_instants(project.database, node).get("")
    if artifact is None:
        return StoredState("missing" if problem else "not made yet", made_at=made_at, problem=problem)
    return StoredState(
        state="made",
        id=artifact.id,
        made_at=made_at,
        rows=artifact_kind(artifact.kind).of(artifact).row_count,
        newest=datetime.fromisoformat(newest) if newest else None,
        problem=problem,
    )


def declaration_of(project: Project, node: str) -> Declared:
    """Return the declaration of a node such as ``sources/orders`` as it is written; no text where it is gone by now."""
    file = project.spec.locations.get(node, Location(f"{node}.yaml")).file
    try:
        return Declared(file, (project.root / file).read_text(encoding="utf-8"))
    except OSError:
        return Declared(file, "")


def checks_of(project: Project, node: str, expectations: Sequence[Expectation]) -> tuple[CheckFacts, ...]:
    """Return the expectations of a node with what each found last, and what else was checked."""
    recording = last_recording(project.database, node)
    results = {result.name: result for result in recording.results} if recording else {}
    named = zip(check_names(expectations), expectations, strict=True)
    declared = [_declared(name, expected, results.pop(name, None)) for name, expected in named]
    others = [
        CheckFacts(name, name.replace("_", " "), result.severity, result.passed, _problem_of(result))
        for name, result in results.items()
    ]
    return (*declared, *others)


def _declared(name: str, expected: Expectation, result: CheckResult | None) -> CheckFacts:
    passed = result.passed if result else None
    return CheckFacts(name, _expectation_text(expected), expected.severity, passed, _problem_of(result))


def _expectation_text(expected: Expectation) -> str:
    """Return an expectation as a person reads it: ``arr_delay: values to be between, min value -180``."""
    args = dict(expected.args)
    column = args.pop("column", None)
    words = expected.expect.removeprefix("column_").replace("_", " ") if column else expected.expect.replace("_", " ")
    text = ", ".join([words, *(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in args.items())])
    return f"{column}: {text}" if column else text


def _plain(value: Any) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)


def _problem_of(result: CheckResult | None) -> str:
    return "" if result is None else str(result.summary.get("problem", ""))
