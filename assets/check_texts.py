"""What each check asks, with its limit, and whether a failure blocks: the description of the check in the UI."""

from collections.abc import Mapping, Sequence

from ml_platform.core.clock import format_duration
from ml_platform.datasets.leakage.find_leaks import COPY, NULLNESS, SETTLED, SINGLE
from ml_platform.declarations.expectations import check_names, named_columns
from ml_platform.declarations.gate import Gate
from ml_platform.declarations.gates import evaluated_gates, measured_gates
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.source import Expectation, SourceSpec
from ml_platform.operations.monitoring.upstream_versions import UPSTREAM_VERSION
from ml_platform.operations.online.freshness import FRESHNESS as ONLINE_FRESHNESS
from ml_platform.operations.online.freshness import RULE as ONLINE_RULE
from ml_platform.registry.evaluation.reasons import figure_words, limit_words
from ml_platform.sources.quarantine_check import QUARANTINE

FRESHNESS = "freshness"
BLOCKS = "**Blocks**: after a failure nothing that reads this is computed."
BLOCKS_NOT = "**Does not block**: a failure is a warning."


def expectation_texts(expectations: Sequence[Expectation]) -> dict[str, str]:
    """Return the descriptions of declared expectations by the names of their checks."""
    return dict(zip(check_names(expectations), map(_expectation, expectations), strict=True))


def source_texts(spec: SourceSpec) -> dict[str, str]:
    """Return the descriptions of a source's checks by name."""
    texts = expectation_texts(spec.expectations)
    if spec.freshness is not None:
        texts[FRESHNESS] = f"The newest row is at most {format_duration(spec.freshness)} old. {BLOCKS}"
    texts[QUARANTINE] = f"No row is in quarantine, and none was ingested without a value. {BLOCKS_NOT}"
    version = "The champions that read these predictions were trained on rows of the version that makes them now."
    texts[UPSTREAM_VERSION] = f"{version} {BLOCKS_NOT}"
    return texts


def leak_texts(model: ModelSpec) -> dict[str, str]:
    """Return the descriptions of the leakage checks by name."""
    numbers = model.task in ("regression", "quantile")
    limit = f"{'variance explained' if numbers else 'AUC'} below {model.leakage.single_feature:g}"
    ends = "**Blocks** training where it is certain; else it is a warning."
    return {
        SINGLE: f"No feature alone predicts the label almost perfectly: {limit}. {ends}",
        COPY: f"No feature is a copy or a monotone transform of the label. {ends}",
        NULLNESS: f"Whether a value is missing does not give the label away: {limit}. {ends}",
        SETTLED: f"No label was known, or had happened, when the prediction was due. {ends}",
    }


def release_texts(model: ModelSpec) -> dict[str, str]:
    """Return the descriptions of gates and release rule by the names of their checks."""
    stays = "The live version stays."
    gates = {
        f"gate_{name}": f"{figure_words(name)} on the test days, {_required(gate)} {stays}"
        for name, gate in evaluated_gates(model).items()
    }
    rule = (
        "The new version must be sure enough to earn more than doing nothing and than its rivals, on the same test "
        f"rows. **Blocks the deployment**, not the run. {stays} Yellow: the live version is kept; no person must act. "
        "Red: the live version earns no more than doing nothing."
    )
    return {**gates, "release_rule": rule}


def measured_texts(model: ModelSpec) -> dict[str, str]:
    """Return the descriptions of the gates that are measured at the deployment, by the names of their checks."""
    return {
        f"gate_{name}": f"{figure_words(name)} measured for this deployment, {_required(gate)} The live version stays."
        for name, gate in measured_gates(model).items()
    }


def _required(gate: Gate) -> str:
    return f"required: {limit_words(str(gate))}. **Blocks the deployment**, not the run."


PARITY_TEXT = (
    "Rows that were served, and rows of the online store, are the same bit by bit when they are recomputed as training "
    "reads them: no row may differ. **Blocks** the deployment."
)
ONLINE_TEXTS: Mapping[str, str] = {ONLINE_FRESHNESS: f"{ONLINE_RULE} {BLOCKS_NOT}"}


def drift_text(model: ModelSpec) -> str:
    """Return the description of the drift check."""
    rows = f"a window of {format_duration(model.monitoring.window)} with at least {model.monitoring.min_rows:,} rows"
    retrained = "A retraining follows by itself." if "drift" in model.retraining.on else "No retraining follows."
    return (
        f"No column moved further than it usually does, in {rows}. The limit of each column is in the table "
        f"*drift by column*. {BLOCKS_NOT} {retrained}"
    )


def _expectation(expectation: Expectation) -> str:
    columns = named_columns(expectation)
    words = expectation.expect.removeprefix("column_").removeprefix("table_").replace("_", " ")
    limits = ", ".join(
        f"{name.replace('_', ' ').strip()} {value}" for name, value in expectation.args.items() if value not in columns
    )
    what = f"{', '.join(columns)}: {words}" if columns else words
    ends = BLOCKS if expectation.severity == "error" else BLOCKS_NOT
    return f"`{what}`{f' ({limits})' if limits else ''}. {ends}"
