"""The rows with which a version is tried out before it serves."""

from __future__ import annotations

import pandas as pd

from ml_platform.models.inputs.columns import InputColumn, read_columns
from ml_platform.serving.trial import drawn_rows, trial_frame

INPUTS = (
    InputColumn("count", "int"),
    InputColumn("amount", "float"),
    InputColumn("open", "bool"),
    InputColumn("at", "timestamp"),
    InputColumn("carrier", "string"),
)


def test_the_frame_of_trial_rows_has_the_values_of_the_rows_also_where_a_column_is_null() -> None:
    rows = drawn_rows(INPUTS, {"carrier": ("AA", "UA")}, 200)
    frame = read_columns(trial_frame(rows, INPUTS), INPUTS)
    for place, column in enumerate(INPUTS):
        for value, read in zip([row[place] for row in rows], frame[column.name], strict=True):
            assert bool(pd.isna(read)) is (value is None)
            assert value is None or read == value
