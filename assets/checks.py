"""The platform's check results as Dagster's, on the asset that they judge."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from ml_platform.declarations.expectations import check_names
from ml_platform.declarations.graph import Node
from ml_platform.declarations.row_policies import has_quarantine
from ml_platform.declarations.source import SourceSpec
from ml_platform.operations.monitoring.upstream_versions import UPSTREAM_VERSION
from ml_platform.sources.checks.results import CheckResult, record_checks
from ml_platform.sources.quarantine_check import QUARANTINE
from ml_platform_dagster.assets.check_texts import BLOCKS_NOT, FRESHNESS
from ml_platform_dagster.assets.metadata import Metadata, literal, table
from ml_platform_dagster.assets.node_asset import asset_key
from ml_platform_dagster.assets.step import Step

_ROWS_SHOWN = 3
"""So many of the rows that failed are in the description of a result."""


def source_checks(spec: SourceSpec) -> tuple[str, ...]:
    """Return the names of a source's checks: expectations, freshness, dirty rows, the version that made predictions."""
    upstream = [UPSTREAM_VERSION] if spec.reader.model else []
    dirty = [QUARANTINE] if has_quarantine(spec) else []
    return (*check_names(spec.expectations), *([FRESHNESS] if spec.freshness else []), *dirty, *upstream)


def check_specs(
    node: Node, names: Sequence[str], texts: Mapping[str, str], *, blocking: bool = True
) -> list[dg.AssetCheckSpec]:
    """Return the checks of a node by name. A failed one of severity ``error`` stops what depends on the node.

    Parameters
    ----------
    texts
        What each asks, with its limit, and whether it blocks: Markdown by the names of the checks.
    """
    key = asset_key(node.name)
    blocks = {name: blocking and BLOCKS_NOT not in texts[name] for name in names}  # Dagster shows it above the text
    return [dg.AssetCheckSpec(name, asset=key, blocking=blocks[name], description=texts[name]) for name in names]


def report_checks(step: Step, names: Sequence[str], results: Sequence[CheckResult]) -> Iterator[dg.AssetCheckResult]:
    """Record the results beside the node, so that they also stop what is launched alone, and yield Dagster's form.

    A declared check without a result yet has passed: there was no row to hold against it.
    """
    record_checks(step.project.database, step.node.name, results, step.run, step.now)
    by_name = {result.name: result for result in results}
    for name in names:
        yield check_result(step.node.name, by_name.get(name) or CheckResult(name, True, summary={"rows": "none yet"}))


def check_result(node: str, result: CheckResult, pictures: Sequence[str] = ()) -> dg.AssetCheckResult:
    """Return one of the platform's check results as Dagster shows it, with the rows that failed.

    Parameters
    ----------
    pictures
        Markdown, for the end of the description: the UI shows it there without a click.
    """
    metadata: Metadata = {
        name.replace("_", " "): _shown(value) for name, value in result.summary.items() if name != "problem"
    }
    if result.failing_rows:
        metadata["failing rows"] = table(result.failing_rows)
    text = literal(result.summary.get("problem") or ("Passed." if result.passed else "Failed."))
    rows = [] if result.passed else _failing(result)
    return dg.AssetCheckResult(
        asset_key=asset_key(node),
        check_name=result.name,
        passed=result.passed,
        severity=dg.AssetCheckSeverity.ERROR if result.severity == "error" else dg.AssetCheckSeverity.WARN,
        description="\n\n".join([text, *rows, *pictures]),
        metadata=metadata,
    )


def _failing(result: CheckResult) -> list[str]:
    """Return rows that failed, and what to do: the UI shows metadata after a click, and a description without one."""
    if not result.failing_rows:
        return []
    shown = str(table(result.failing_rows[:_ROWS_SHOWN]).value)
    must_act = result.severity == "error" and "expectation" in result.summary
    remedy = "Repair the data, or change the expectation, and materialize it again." if must_act else ""
    return [text for text in (shown, remedy) if text]


def _shown(value: Any) -> Any:
    return dg.MetadataValue.json(value) if isinstance(value, dict | list) else value
