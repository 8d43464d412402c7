"""Arrow tables as pandas frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd


def to_frame(rows: pa.Table) -> pd.DataFrame:
    """Return a table as pandas, with types that do not depend on whether there are nulls."""
    import pandas as pd

    types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame: pd.DataFrame = rows.to_pandas(types_mapper=types.get)
    return frame
