"""Parity as a step: measured once for what decides it, kept, judged by a check, and alerted where it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ml_platform.core.hashing import cache_key, content_id
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.user_code.version import code_version
from ml_platform.operations.alerts import Alert, send_alert
from ml_platform.project import Project
from ml_platform.registry.parity_gate import last_parity
from ml_platform.sources.checks.results import CheckResult
from ml_platform.storage.artifact_kinds.parity import ParityManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.materialization import Materialized
from ml_platform.storage.versions import version_of

KIND = PARITY = "parity"
_NAMED = 3
"""So many differences are in an alert."""
RULE = "Features, scores, actions and expected values of served rows are, bit by bit, those that are recomputed."


@dataclass(frozen=True)
class ParityStatus:
    """The last comparison of a model.

    Attributes
    ----------
    days
        UTC days whose logged requests were compared.
    rows
        How many rows were compared: requests, and rows of the online store.
    late
        Requests that read an older tick than training would have read.
    """

    days: tuple[str, ...]
    logged: int
    requests: int
    rows: int
    differing: int
    late: int
    text: str


def parity_status(project: Project, model: str) -> ParityStatus | None:
    """Return the last comparison of a model; None before the first, and where the model answers no requests."""
    made = None if project.spec.models[model].deployment.online is None else last_parity(project, model)
    if made is None:
        return None
    about = ParityManifest.of(made)
    facts = (about.days, about.logged, about.requests, about.row_count, about.differing, about.late)
    return ParityStatus(*facts, about.text)


def check_parity(project: Project, model: str, inputs: Mapping[str, str], now: datetime) -> Materialized:
    """Return what a comparison of served rows found, measured now unless nothing that decides it has changed.

    Records of the prediction service are moved into the prediction log first. An outcome with differences is measured
    again each time.

    Parameters
    ----------
    inputs
        Ids of the trained model and of the content of the online store, by node.

    Raises
    ------
    OnlineStoreUnavailable, ArtifactMissing, ArtifactDamaged
    """
    from ml_platform.operations.parity.measure import measure_parity, newest_days
    from ml_platform.operations.predictions.compact_online import compact_online_log

    compact_online_log(project, now)
    key = parity_key(project, model, inputs, now)
    agreed_parity = agreed(project, key)
    if agreed_parity is not None:
        return Materialized(agreed_parity, reused=True)
    trained = project.store.get("trained_model", inputs[NodeName("trained_model", model)])
    online = project.spec.models[model].deployment.online
    assert online is not None, "only online models have parity"
    measured = measure_parity(project, model, trained, newest_days(now), online.parity_rows, now)
    store = next(id for node, id in inputs.items() if NodeName.parse(node).kind == "online_store")
    made = project.store.add(measured.facts, key, inputs={"trained_model": trained.id, "online_store": store})
    if measured.differing:
        send_alert(project, difference_alert(project, made), now)
    return Materialized(made, reused=False)


def parity_key(project: Project, model: str, inputs: Mapping[str, str], now: datetime) -> str:
    """Return what decides a comparison: what it compares, and the logged requests of yesterday and today."""
    from ml_platform.operations.parity.measure import newest_days
    from ml_platform.operations.parity.requests import online_segments

    days = {str(day): online_segments(project, model, day) for day in newest_days(now)}
    logged = {day: content_id(segments) if segments else "" for day, segments in days.items()}
    decides = {"model": model, "part": deciding_part(project.spec, KIND, model), "logged": logged}
    return cache_key(KIND, decides, code_version(KIND), inputs)


def agreed(project: Project, key: str) -> Artifact | None:
    """Return the outcome under a key, if nothing differs in it.

    The cause of a difference can lie in code, which is in no key: it is measured again.
    """
    parity = project.store.find(KIND, key)
    return None if parity is None or ParityManifest.of(parity).differing else parity


def parity_check(about: ParityManifest) -> CheckResult:
    """Return the outcome as a check that blocks deployment."""
    summary = {"rule": RULE, "rows": about.row_count, "differing": about.differing, "late": about.late}
    if not about.differing:
        return CheckResult(PARITY, True, summary=summary)
    rows = [item.as_json() for item in about.differences]
    problem = f"{about.text} {about.differences[0].text}"
    return CheckResult(PARITY, False, summary={**summary, "problem": problem}, failing_rows=rows)


def difference_alert(project: Project, made: Artifact) -> Alert:
    """Return what a person is sent, once for each outcome."""
    about = ParityManifest.of(made)
    version = version_of(project, about.model, made.inputs["trained_model"])
    listed = "\n".join(item.text for item in about.differences[:_NAMED])
    return Alert(
        key=f"parity.{about.model}.{made.id}",
        title=f"{project.spec.name}: the service reads other values for {about.model} than training",
        body=f"{about.text} Nothing is deployed until they agree.\n{listed}",
        severity="page",
        model=about.model,
        facts={"version": str(version or made.inputs["trained_model"][:12]), "by_column": dict(about.by_column)},
        next_step=f"Find the cause of the first difference, or roll back: ml-platform parity {about.model} shows more; "
        "ml-platform rollback names an earlier version.",
    )
