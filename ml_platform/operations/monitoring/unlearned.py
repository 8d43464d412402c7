"""Nulls of predictions in columns that had none in training: what they are called, and whom they alert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ml_platform.core.errors import listed
from ml_platform.core.hashing import content_id
from ml_platform.operations.alerts import Alert, facts_of_alerts
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest


def unlearned_text(nulls: Mapping[str, int]) -> str:
    """Return which columns are null where training had no null, and in how many predictions.

    >>> unlearned_text({"weather.wind": 1200, "ship.age": 3})
    'null where training had no null: weather.wind in 1,200, ship.age in 3'
    """
    return f"null where training had no null: {listed(f'{name} in {count:,}' for name, count in nulls.items())}"


def unlearned_alerts(project: Project, about: MonitoringManifest) -> tuple[Alert, ...]:
    """Return an alert for each table whose columns are null in predictions of a version that never saw them null.

    One null is enough, since the version learned nothing about it. A version and a column alert once: a column that is
    null for the first time later has another cause, and an alert of its table that does not name the others.

    Parameters
    ----------
    about
        What monitoring found.
    """
    nulls: Mapping[str, int] = about.unlearned_nulls or {}
    tables: dict[str, dict[str, int]] = {}
    for column, count in nulls.items():
        tables.setdefault(column.partition(".")[0], {})[column] = count
    return tuple(alert for table, columns in tables.items() for alert in _of_table(project, about, table, columns))


def _of_table(project: Project, about: MonitoringManifest, table: str, columns: Mapping[str, int]) -> Iterator[Alert]:
    key = f"unlearned_nulls.{about.model}@{about.version}.{table}"
    begun = facts_of_alerts(project, key).items()  # also those of a table whose name begins with this one's
    earlier = {name: facts for name, facts in begun if name == key or name.startswith(f"{key}.")}
    for name, facts in earlier.items():
        still = {column: count for column, count in columns.items() if column in facts}
        if still:
            yield _alert(about, table, still, name)
    new = {column: count for column, count in columns.items() if not any(column in facts for facts in earlier.values())}
    if new:
        yield _alert(about, table, new, f"{key}.{content_id(sorted(new))[:12]}" if earlier else key)


def _alert(about: MonitoringManifest, table: str, columns: Mapping[str, int], key: str) -> Alert:
    model, version = about.model, about.version
    return Alert(
        key=key,
        title=f"{model}: columns of {table} are null in predictions, and were never null in training",
        body=f"Version {version}, predictions of the monitoring window: {unlearned_text(columns)}.",
        severity="ticket",
        model=model,
        facts=dict(columns),
        next_step=(
            f"Find out why {table} has no value. If it stays so, retrain {model}, so that a version learns what a null "
            "means; until then a null of a number counts as the median of training."
        ),
    )
