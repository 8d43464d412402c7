"""Which rows of a read delete a row of the log, and how many a load may delete by lacking them."""

from __future__ import annotations

import pyarrow as pa

from ml_platform.core.errors import TooManyDeletions
from ml_platform.core.expressions import parse_expression
from ml_platform.core.frames import to_frame
from ml_platform.declarations.source import SourceSpec


def deleting_rows(spec: SourceSpec, rows: pa.Table) -> pa.Array:
    """Return for every row whether it deletes the row with its key: whether the source's ``deletes`` holds."""
    if spec.deletes is None:
        return pa.repeat(pa.scalar(False), rows.num_rows)
    condition = parse_expression(spec.deletes)
    columns = to_frame(rows.select(sorted(condition.names)))
    return pa.array(condition.matches({name: columns[name] for name in condition.names}, rows.num_rows), pa.bool_())


def require_few(spec: SourceSpec, missing: int, held: int) -> None:
    """Raise where a load of a source with ``full`` lacks more rows than may be deleted at once.

    Parameters
    ----------
    missing
        How many keys of the log the load lacks.
    held
        How many keys the log has.
    """
    assert spec.full is not None
    limit = spec.full.max_deleted_share
    if missing > limit * held:
        problem = f"this load lacks {missing:,} of {held:,} rows, and full.max_deleted_share is {limit:g}"
        remedy = "Nothing was changed. Repair the load, or raise the share if the rows are really gone."
        raise TooManyDeletions(spec.name, spec.reader.label, problem, remedy)
