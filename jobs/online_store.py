"""The job and the sensor of the online store: a tick is published as soon as training could read it."""

from collections.abc import Sequence

import dagster as dg

from ml_platform.core.clock import WallClock
from ml_platform.core.secrets import scrubbed
from ml_platform.declarations.graph import Node
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.alerts import Alert, send_alert
from ml_platform.operations.online.due import publication_due
from ml_platform.operations.online.freshness import FRESHNESS, overdue_alert
from ml_platform.project import Project
from ml_platform_dagster.assets.node_asset import asset_key
from ml_platform_dagster.assets.simulated import simulated_date, simulated_tags
from ml_platform_dagster.resources.dagster_private import AssetJob
from ml_platform_dagster.resources.project import ProjectParam

PUBLISH = "publish_online_store"
KIND = "online_store"
PUBLICATION_TAG = "ml_platform/publication"
"""On runs: which publication is due, so that it is known whether it was tried."""


def publish_job(nodes: Sequence[Node]) -> AssetJob | None:
    """Return the job that reads the sources and publishes; None where no model is online."""
    wanted = {node.name for node in nodes if node.kind == KIND}
    if not wanted:
        return None
    before: list[Node] = []
    for node in reversed(nodes):  # every node comes after its inputs
        if node.name in wanted:
            before.append(node)
            wanted |= {name for name in node.inputs if name.is_data}
    selection = dg.AssetSelection.assets(*(asset_key(node.name) for node in before))
    text = "Reads the sources of online models, refreshes their feature tables, and publishes what training could read."
    return dg.define_asset_job(PUBLISH, selection, description=text)


def online_store_sensor(job: AssetJob) -> dg.SensorDefinition:
    """Return the sensor that watches whether a tick can be read that is not published."""

    @dg.sensor(
        name="publish_new_online_values",
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Publishes when a tick can be read that is not published, or inputs changed. Alerts once where "
        "published ticks are more than one refresh interval late; by a simulated clock, after the run that publishes.",
    )
    @scrubbed
    def online_store(context: dg.SensorEvaluationContext, project: ProjectParam) -> dg.SensorResult:
        now = project.clock.now()
        due = publication_due(project, now)
        alert = overdue_alert(project, now)
        late: list[dg.AssetCheckEvaluation] = []
        if alert is not None and not _is_in_hand(context.instance, project, due.key):
            late = [_overdue_check(alert)] if send_alert(project, alert, now).new else []
        cursor = simulated_date(project, now)
        if due.key is None:
            reason = "; ".join(due.reasons) or "every tick that can be read is published"
            return dg.SensorResult(skip_reason=reason, cursor=cursor, asset_events=late)
        tags = {PUBLICATION_TAG: due.key, **simulated_tags(project, now)}
        requests = [dg.RunRequest(run_key=due.key, tags=tags)]
        return dg.SensorResult(run_requests=requests, cursor=cursor, asset_events=late)

    return online_store


def _overdue_check(alert: Alert) -> dg.AssetCheckEvaluation:
    """Return the failed check of an overdue store: the run that would judge it never came so far."""
    return dg.AssetCheckEvaluation(
        asset_key=asset_key(NodeName.parse("online/online_store")),
        check_name=FRESHNESS,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{alert.body} {alert.next_step}",
        metadata={"overdue": str(alert.facts["overdue"])},
    )


def _is_in_hand(instance: dg.DagsterInstance, project: Project, key: str | None) -> bool:
    """Return whether a table is late only because a simulated clock was moved: the run for it has not ended yet."""
    if key is None or isinstance(project.clock, WallClock):
        return False
    runs = instance.get_runs(dg.RunsFilter(tags={PUBLICATION_TAG: key}), limit=1)
    return not runs or not runs[0].is_finished
