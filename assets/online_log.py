"""The asset of the records that the prediction service writes: they are moved into the prediction log."""

from collections.abc import Iterator

import dagster as dg

from ml_platform.core.secrets import scrubbed
from ml_platform.operations.online.content import online_models
from ml_platform.operations.predictions.compact_online import Compacted, compact_online_log, waiting_files
from ml_platform.project import Project
from ml_platform.storage.prediction_log import logged_days
from ml_platform_dagster.assets.metadata import Metadata, table
from ml_platform_dagster.assets.summary import summary
from ml_platform_dagster.resources.project import ProjectParam

KEY = dg.AssetKey(["serving", "online_log"])
WHOLE = "every_record_was_read"
GROUP = "serving"


def build_online_log(project: Project) -> list[dg.AssetsDefinition]:
    """Return the asset, where a model answers requests."""
    if not online_models(project.spec):
        return []

    @dg.asset(
        key=KEY,
        group_name=GROUP,
        kinds={"log", "parquet"},
        owners=[project.spec.file.owner],
        description="Predictions of the service in the prediction log. They are moved there from the files of its "
        "workers, each once; monitoring, realized value and explain read them there.",
        check_specs=[
            dg.AssetCheckSpec(
                WHOLE,
                asset=KEY,
                description="No file ended in bytes that are no record. A process that is killed leaves such an end "
                "while it writes, and so does a damaged disk. **Does not block**: a failure is a warning.",
            )
        ],
    )
    @scrubbed
    def online_log(context: dg.AssetExecutionContext, project: ProjectParam) -> Iterator[dg.MaterializeResult[None]]:
        now = project.clock.now()
        done = compact_online_log(project, now)
        yield dg.MaterializeResult(
            metadata={
                **_summary(project, done),
                "new rows": sum(done.rows.values()),
                "files waiting": waiting_files(project),
                "by model": table([{"model": name, "new": count} for name, count in done.rows.items()]),
                "days": table([{"model": name, "day": day} for name, day in done.states]),
                "files removed": str(done.files),
            },
            check_results=[_whole(done)],
        )

    return [online_log]


def _summary(project: Project, done: Compacted) -> Metadata:
    """Return what is new, and what the log holds: most runs find nothing new, and hide the one before."""
    new = sum(done.rows.values())
    rows = []
    for name in (model.name for model in online_models(project.spec)):
        days = logged_days(project, name)
        newest = days[-1].day.isoformat() if days else "none"
        rows.append((name, f"{done.rows.get(name, 0):,}", f"{sum(day.rows for day in days):,}", newest))
    return summary(
        f"{new:,} new predictions of the service" if new else "No new predictions of the service",
        [f"{len(done.damaged):,} damaged files were set aside."] if done.damaged else [],
        [("model", "new", "in the log", "newest day"), *rows],
    )


def _whole(done: Compacted) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=WHOLE,
        passed=not done.damaged,
        severity=dg.AssetCheckSeverity.WARN,
        description="Files ended in bytes that are no record; they were set aside." if done.damaged else "Passed.",
        metadata={"set aside": ", ".join(path.name for path in done.damaged) or "none"},
    )
