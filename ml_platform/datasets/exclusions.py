"""Rows that production asks about too late or not at all: why, and how many at each batch run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

PREDICTION_TIME, EFFECTIVE_TIME, LATE = "prediction_time", "effective_time", "late"
ASKED, EFFECTIVE, WHERE, REASON, IS_LATE = "_asked", "_effective", "_where", "_reason", "_late"
MISSED, ASKED_TWICE, NO_KEY = "missed", "asked_twice", "no_key"
NO_TIME, NO_CONDITION = "no_prediction_time", "no_condition"
NO_MEMBERSHIP, DEPARTED, TOO_SOON, OVER_MAX = "no_membership", "left", "asked_before", "over_max_rows"
EXCLUSIONS: Mapping[str, str] = {
    MISSED: "known only after their batch run",
    ASKED_TWICE: "about an entity that another row asked about at the same batch run",
    NO_KEY: "without the entity's key",
    NO_TIME: "whose prediction time is null",
    NO_CONDITION: "for which population.where is null",
    NO_MEMBERSHIP: "for which population.while is null",
    DEPARTED: "about an entity that had left (population.until)",
    TOO_SOON: "about an entity that an earlier row had asked about (population.at_most_once_per)",
    OVER_MAX: "more than population.max_rows",
}
"""Why production asks about no row, in words."""
BY_DECLARATION = (NO_MEMBERSHIP, DEPARTED, TOO_SOON, OVER_MAX)
"""The reasons that are no fault of the data: no prediction is missing."""


def reason_counts(sums: Mapping[str, int]) -> dict[str, int]:
    """Return how many rows were left out for which reason; a reason by declaration only where there are any."""
    return {name: sums.get(name, 0) for name in EXCLUSIONS if name not in BY_DECLARATION or sums.get(name)}


def one_reason(reason: str, rows: pa.Table, chosen: Any) -> pa.Array:
    """Return a reason as often as rows were chosen."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pa.repeat(pa.scalar(reason), pc.sum(chosen).as_py() or 0)


def counted_reasons(parts: Sequence[pa.Table]) -> pa.Table:
    """Return how many rows were left out at each batch run for each reason, in order."""
    import pyarrow as pa

    schema = pa.schema({EFFECTIVE: pa.int64(), REASON: pa.string()})
    rows = pa.concat_tables([part.cast(schema) for part in parts])
    counted = rows.group_by([EFFECTIVE, REASON]).aggregate([([], "count_all")])
    counted = counted.sort_by([(EFFECTIVE, "ascending"), (REASON, "ascending")])
    return pa.table(
        {
            EFFECTIVE_TIME: counted[EFFECTIVE].cast(pa.timestamp("us", "UTC")),
            "reason": counted[REASON],
            "rows": counted["count_all"],
        }
    )
