"""The job that moves the records of the prediction service into the prediction log, and its schedule."""

import dagster as dg

from ml_platform_dagster.assets.online_log import KEY

ONLINE_LOG = "collect_online_predictions"

online_log_job = dg.define_asset_job(
    ONLINE_LOG,
    dg.AssetSelection.assets(KEY),
    description="Moves the predictions of the service into the prediction log.",
)
online_log_schedule = dg.ScheduleDefinition(
    name=f"{ONLINE_LOG}_schedule",
    job=online_log_job,
    cron_schedule="*/5 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Collects the predictions of the service every five minutes, by the clock of the machine.",
)
