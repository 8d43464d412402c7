"""Sensors: drift that was found, new source data, failed runs. Each asks the core what is due, and requests that."""

import json
from collections.abc import Mapping
from datetime import datetime

import dagster as dg

from ml_platform.core.hashing import content_id
from ml_platform.core.secrets import scrubbed
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.alerts import Alert, send_alert
from ml_platform.operations.monitoring.drift_episodes import Finding, open_findings
from ml_platform.operations.scheduling import retraining_after_drift, retraining_request
from ml_platform.project import Project
from ml_platform.sources.arrivals import source_fingerprints
from ml_platform.storage.versions import versions
from ml_platform_dagster.assets.node_asset import asset_key
from ml_platform_dagster.assets.partitions import open_days
from ml_platform_dagster.assets.simulated import simulated_date, simulated_tags
from ml_platform_dagster.jobs.asset_jobs import INGEST, retrain_job_name
from ml_platform_dagster.jobs.failures import failure_alert, problem_of
from ml_platform_dagster.resources.dagster_private import RETRY_NUMBER_TAG, AssetJob, RunFailureReason
from ml_platform_dagster.resources.project import ProjectParam

FINDING_TAG = "ml_platform/finding"
_RUNNING = dg.DefaultSensorStatus.RUNNING
_DATE = "simulated date"


def drift_sensor(jobs: Mapping[str, AssetJob], models: list[str]) -> dg.SensorDefinition:
    """Return the one sensor that watches recorded drift for all models."""

    @dg.sensor(
        name="alert_and_retrain_on_drift",
        jobs=[jobs[retrain_job_name(model)] for model in models],
        minimum_interval_seconds=30,
        default_status=_RUNNING,
        description="Alerts once for each finding of drift, and starts one retraining where the model declares it.",
    )
    @scrubbed
    def drift(context: dg.SensorEvaluationContext, project: ProjectParam) -> dg.SensorResult:
        requests, reasons, now = [], [], project.clock.now()
        for finding in open_findings(project):
            reason = _why_not(context.instance, project, finding)
            send_alert(project, _drift_alert(project, finding, reason), now)
            if reason is None:
                requests.append(_retraining_run(project, finding))
            else:
                reasons.append(f"{finding.id}: {reason}")
        cursor = simulated_date(project, now)
        if requests:
            return dg.SensorResult(run_requests=requests, cursor=cursor)
        reason = "; ".join(reasons) or "no drift is open: there is nothing to alert or to retrain"
        return dg.SensorResult(skip_reason=reason, cursor=cursor)

    return drift


def _why_not(instance: dg.DagsterInstance, project: Project, finding: Finding) -> str | None:
    """Return why a finding asks for no run now, or None where it does."""
    if finding.model not in project.spec.models:
        return "the model is not declared any more"
    if instance.get_runs(dg.RunsFilter(tags={FINDING_TAG: _request(project, finding)}), limit=1):
        return "a retraining was requested before"
    made = [version.registered_at for version in versions(project, finding.model)]
    retraining = project.spec.models[finding.model].retraining
    decision = retraining_after_drift(retraining, finding.last_seen_at, max(made, default=None), project.clock.now())
    return None if decision.due else decision.reason


def _request(project: Project, finding: Finding) -> str:
    retraining = project.spec.models[finding.model].retraining
    return retraining_request(retraining, finding.id, finding.opened_at, finding.last_seen_at)


def _retraining_run(project: Project, finding: Finding) -> dg.RunRequest:
    job, key = retrain_job_name(finding.model), _request(project, finding)
    return dg.RunRequest(
        run_key=key, job_name=job, tags={FINDING_TAG: key, **simulated_tags(project, project.clock.now())}
    )


def _drift_alert(project: Project, finding: Finding, why_not: str | None) -> Alert:
    declared = finding.model in project.spec.models and "drift" in project.spec.models[finding.model].retraining.on
    waits = f"No retraining is requested now: {why_not}." if declared else f"Run {retrain_job_name(finding.model)}."
    return Alert(
        key=finding.id,
        title=f"{project.spec.name}: {finding.model} has drifted",
        body=finding.reason,
        severity="ticket",
        model=finding.model,
        facts=finding.facts,
        next_step="A retraining is requested." if why_not is None else waits,
    )


def new_source_data_sensor(jobs: Mapping[str, AssetJob]) -> dg.SensorDefinition:
    """Return the one sensor that looks whether sources have something new."""

    @dg.sensor(
        name="ingest_new_source_data",
        job=jobs[INGEST],
        minimum_interval_seconds=30,
        default_status=_RUNNING,
        description="Ingests the sources whose files have changed, and those that a moved clock lets know more.",
    )
    @scrubbed
    def new_source_data(context: dg.SensorEvaluationContext, project: ProjectParam) -> dg.SensorResult | dg.SkipReason:
        now = project.clock.now()
        open_days(context.instance, project, now)
        fingerprints = source_fingerprints(project, now)
        known = json.loads(context.cursor) if context.cursor else {}
        changed = sorted(name for name, fingerprint in fingerprints.items() if known.get(name) != fingerprint)
        if not changed:
            return dg.SkipReason(f"none of {len(fingerprints)} sources has anything new since its last ingest")
        date = simulated_date(project, now)
        cursor = json.dumps({**({_DATE: date} if date else {}), **fingerprints})
        return dg.SensorResult(run_requests=[_ingest_run(project, changed, fingerprints, now)], cursor=cursor)

    return new_source_data


def _ingest_run(project: Project, changed: list[str], fingerprints: Mapping[str, str], now: datetime) -> dg.RunRequest:
    tables = [table.name for table in project.spec.feature_tables.values() if table.source in changed]
    names = [*(NodeName("source", name) for name in changed), *(NodeName("feature_table", name) for name in tables)]
    key = content_id({name: fingerprints[name] for name in changed})[:32]
    return dg.RunRequest(
        run_key=key, asset_selection=[asset_key(name) for name in names], tags=dict(simulated_tags(project, now))
    )


@dg.run_failure_sensor(
    name="alert_on_failed_runs",
    minimum_interval_seconds=30,
    default_status=_RUNNING,
    description="Alerts when a run failed: once a day for one problem; a run that was stopped is tried again first.",
)
@scrubbed
def failed_runs(context: dg.RunFailureSensorContext, project: ProjectParam) -> None:
    """Send the alert for a failed run; one that ended with `ml-platform up` is tried once more before it alerts."""
    interrupted = context.failure_event.job_failure_data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION
    if interrupted and RETRY_NUMBER_TAG not in context.dagster_run.tags:
        return
    errors = [event.step_failure_data.error for event in context.get_step_failure_events()]
    problems = [problem_of(error) for error in errors or [context.failure_event.job_failure_data.error]]
    now = project.clock.now()
    alert = failure_alert(project, context.dagster_run, problems, now)
    if alert is not None:
        send_alert(project, alert, now)
