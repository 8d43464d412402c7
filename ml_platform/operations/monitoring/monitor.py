"""Monitoring one model: drift from its own training rows, realized value, a report, a finding where it drifted."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from ml_platform.core.errors import NotMaterialized
from ml_platform.core.hashing import cache_key, canonical_json, content_id, format_instant
from ml_platform.core.plain_values import json_value
from ml_platform.core.statistics.histograms import Histogram
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.user_code.version import code_version
from ml_platform.operations.monitoring.drift import compare, drift_in_words, summarize_window, window_days, window_start
from ml_platform.operations.monitoring.drift_episodes import Finding, update_episode
from ml_platform.operations.monitoring.drift_result import DriftResult
from ml_platform.operations.monitoring.growth import LOOK_BACK_DAYS
from ml_platform.operations.monitoring.reference import Reference, reference_of
from ml_platform.operations.monitoring.report import Looked, drift_report
from ml_platform.operations.monitoring.settled_predictions import settled_predictions
from ml_platform.operations.predictions.missed import missed_rows
from ml_platform.operations.predictions.rows import UNLEARNED_NULLS, unlearned_counts
from ml_platform.operations.predictions.taken_actions import taken_node
from ml_platform.project import Project
from ml_platform.registry.champion import champion, champion_ref
from ml_platform.sources.checks.results import require_healthy
from ml_platform.storage.artifact_kinds.monitoring import ColumnFigures, MissedRows, MonitoringManifest
from ml_platform.storage.ledger.lines import ledger_lines
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.materialization import Materialized
from ml_platform.storage.prediction_log import logged_days, read_predictions
from ml_platform.storage.versions import Version

KIND = "monitoring"
NO_CHAMPION = "no version is deployed"
_PAGE = "report.html.gz"


def monitor_model(project: Project, model_name: str, inputs: Mapping[str, str], now: datetime) -> Materialized:
    """Compare the champion's recent predictions with its training data, and report what predictions earned.

    The artifact is of kind ``monitoring``. Its ``about`` has ``verdict`` (``drift``, ``stable``, ``too few rows``,
    or that no version is deployed) and ``reason``, the ``window`` and its ``rows``, ``columns`` with their figures,
    the value (``realized`` in the newest settled window, ``realized_since`` the first deployment) and ``metrics`` of
    settled predictions, the id of an open ``finding``, and ``report``, the
    page's path below the project's state.

    Parameters
    ----------
    inputs
        Ids of the artifacts to read, by node: the label's source is read by it. Predictions are read from the log.

    Raises
    ------
    BrokenInput
        When the label's source has failed a blocking check.
    """
    node, label = NodeName(KIND, model_name), _label_node(project, model_name)
    if label not in inputs:
        raise NotMaterialized(node, label)
    reports = _reports(project, model_name, inputs)
    require_healthy(project.database, node, [label, *reports])
    version = champion(project, model_name, at=now)
    read = _read_ids(project, model_name, inputs, version, now)
    key = _key(project, model_name, read, now)
    done = project.store.find(KIND, key)
    if done is not None:
        _lay_out_report(project, done)
        return Materialized(done, reused=True)
    if version is None:
        nothing = MonitoringManifest(model=model_name, at=format_instant(now), verdict=NO_CHAMPION, reason=NO_CHAMPION)
        return Materialized(_write(project, key, nothing, {}, read), reused=False)
    return Materialized(_monitor(project, version, key, read, now), reused=False)


def monitoring_key(project: Project, model_name: str, inputs: Mapping[str, str], now: datetime) -> str:
    """Return the key of the result of monitoring a model at `now`, with the predictions that are logged."""
    read = _read_ids(project, model_name, inputs, champion(project, model_name, at=now), now)
    return _key(project, model_name, read, now)


def report_path(project: Project, model_name: str, now: datetime) -> Path:
    """Return where the page of a day is laid out, to be opened in a browser."""
    return project.state / "reports" / model_name / f"{now.astimezone(UTC):%Y-%m-%d}.html"


def _monitor(project: Project, version: Version, key: str, read: Mapping[str, str], now: datetime) -> Artifact:
    settings = project.spec.models[version.model].monitoring
    reference = reference_of(project, project.store.get("trained_model", version.id))
    start = now - timedelta(days=window_days(settings.window))
    rows = _rows(project, version, reference, start, now)
    begins = max(start, _deployed_at(project, version, now))
    current = summarize_window(reference.drift, rows, rows["effective_time"], begins, now)
    result = compare(reference.drift, current, settings)
    drawn = rows["effective_time"] > window_start(reference.drift, begins, now)  # the rows that the verdict counts
    page, problem = _page(reference, rows[drawn], result, Looked(version.model, version.number, begins, now))
    path = report_path(project, version.model, now) if page else None
    finding = _follow(project, version, result, path, now)
    taken = next(iter(_reports(project, version.model, read).values()), None)
    settled = settled_predictions(project, version.model, read[_label_node(project, version.model)], now, taken)
    missed = missed_rows(project, version.model, now)
    manifest = MonitoringManifest(
        model=version.model,
        at=format_instant(now),
        version=version.number,
        trained_model=version.id,
        window={"start": format_instant(begins), "end": format_instant(now)},
        rows=current.rows,
        verdict=result.verdict,
        reason=result.reason,
        columns=tuple(ColumnFigures(**json_value(asdict(column))) for column in result.columns),
        unlearned_nulls=_unlearned_nulls(project, version, now),
        currency=settled.currency,
        realized=settled.window_sums(),
        realized_since=settled.sums_since(),
        missed=MissedRows(**json_value(asdict(missed))) if missed else None,
        metrics=json_value(settled.metrics),
        metrics_version=settled.metrics_version,
        finding=finding.id if finding else None,
        report=path.relative_to(project.state).as_posix() if path else None,
        report_problem=problem,
    )
    artifact = _write(project, key, manifest, _files(current.histograms, page), read)
    _lay_out_report(project, artifact)
    return artifact


def _rows(project: Project, version: Version, reference: Reference, start: datetime, now: datetime) -> pd.DataFrame:
    """Return the champion's own predictions of the current window, with every column of the reference.

    Rows that were scored late are left out: the reference has none, and their features are those of a later run. Where
    columns grow, earlier predictions are read too, of whatever version: growth is computed from them.
    """
    drift = reference.drift
    names = list(dict.fromkeys(["effective_time", *drift.scales, *drift.keys]))
    first = start - timedelta(days=LOOK_BACK_DAYS) if drift.growing else start
    rows = read_predictions(project, version.model, first, now)
    rows = rows[(rows["version"] == version.number) | (rows["effective_time"] <= start)]
    rows = rows[~rows["late"].astype(bool)]
    return rows.reindex(columns=names)


def _unlearned_nulls(project: Project, version: Version, now: datetime) -> dict[str, int]:
    """Return how many predictions of the window had a null where training had none, by column."""
    rows = read_predictions(project, version.model, now - project.spec.models[version.model].monitoring.window, now)
    if UNLEARNED_NULLS not in rows:
        return {}
    rows = rows.loc[rows["version"] == version.number, [UNLEARNED_NULLS]]
    return unlearned_counts(pa.table({UNLEARNED_NULLS: pa.array(rows[UNLEARNED_NULLS], pa.string(), from_pandas=True)}))


def _deployed_at(project: Project, version: Version, now: datetime) -> datetime:
    """Return since when a version has been champion."""
    moves = [move for move in ledger_lines(project.database, champion_ref(version.model)) if move.at <= now]
    return next(move.at for move in reversed(moves) if move.to_value == version.id)


def _page(
    reference: Reference, window: pd.DataFrame, result: DriftResult, looked: Looked
) -> tuple[str | None, str | None]:
    """Return the report, or what kept it from being made: a picture for people never stops the figures."""
    if window.empty:
        return None, "no predictions in the window"
    try:
        return drift_report(reference.sample, window, result, looked), None
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"[:300]


def _follow(
    project: Project, version: Version, result: DriftResult, report: Path | None, now: datetime
) -> Finding | None:
    facts: dict[str, Any] = {column.column: drift_in_words(column) for column in result.drifted[:5]}
    facts["rows"] = result.rows
    if report is not None:
        facts["report"] = str(report)
    reason = f"{version}: {result.reason}, over {result.rows:,} predictions"
    return update_episode(project, version.model, version.number, result.verdict, now, reason, facts)


def _read_ids(
    project: Project, model_name: str, inputs: Mapping[str, str], version: Version | None, now: datetime
) -> dict[str, str]:
    """Return the ids of everything that the figures rest on, by role."""
    spec = project.spec.models[model_name]
    window = timedelta(days=window_days(spec.monitoring.window))
    first = (now - window - spec.label.horizon).astimezone(UTC).date()
    days = [logged for logged in logged_days(project, model_name) if first <= logged.day <= now.astimezone(UTC).date()]
    label = _label_node(project, model_name)
    return {
        label: inputs[label],
        **_reports(project, model_name, inputs),
        **({"champion": version.id} if version else {}),
        **{f"predictions/{logged.day}": logged.artifact for logged in days},
    }


def _reports(project: Project, model_name: str, inputs: Mapping[str, str]) -> dict[str, str]:
    """Return the source of actions that were taken, with its artifact; nothing where the model declares none."""
    node = taken_node(project, model_name)
    return {node: inputs[node]} if node is not None and node in inputs else {}


def _label_node(project: Project, model_name: str) -> str:
    return NodeName("source", project.spec.models[model_name].label.source)


def _key(project: Project, model_name: str, read: Mapping[str, str], now: datetime) -> str:
    log = content_id([[str(logged.day), logged.artifact] for logged in logged_days(project, model_name)])
    declared = {"currency": project.spec.unit_of_value(model_name), **deciding_part(project.spec, KIND, model_name)}
    declaration = {"model": model_name, "now": now, "log": log, **declared}
    return cache_key(KIND, declaration, code_version(KIND), read)


def _files(current: Mapping[str, Histogram], page: str | None) -> dict[str, bytes]:
    histograms = canonical_json({name: histogram.as_json() for name, histogram in current.items()})
    return {"histograms.json": histograms, **({_PAGE: gzip.compress(page.encode(), mtime=0)} if page else {})}


def _write(
    project: Project, key: str, manifest: MonitoringManifest, files: Mapping[str, bytes], read: Mapping[str, str]
) -> Artifact:
    """Write the artifact. Its id follows from the figures; the page, which holds random names, takes no part."""
    objects = {name: project.store.put(content) for name, content in files.items()}
    return project.store.add(manifest, key, objects=objects, inputs=read)


def _lay_out_report(project: Project, artifact: Artifact) -> None:
    """Write the page where a browser can open it, unless it is there."""
    report = MonitoringManifest.of(artifact).report
    if not report:
        return
    path = project.state / report
    path.parent.mkdir(parents=True, exist_ok=True)
    content = gzip.decompress(project.store.read(artifact.objects[_PAGE]))
    if not (path.exists() and path.read_bytes() == content):
        temporary = path.with_suffix(".part")
        temporary.write_bytes(content)
        temporary.replace(path)
