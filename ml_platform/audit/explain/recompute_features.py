"""The inputs of predictions once more, as the feature tables and the population's source told them at the batch run.

They are made by the code that scoring uses, from the artifacts that the scoring read. What was ingested later stands
in other artifacts, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from ml_platform.audit.explain.lookup import Logged
from ml_platform.core.clock import to_micros
from ml_platform.core.frames import to_frame
from ml_platform.datasets.frame import Frame
from ml_platform.datasets.left_out import ASKED, EFFECTIVE, EFFECTIVE_TIME, PREDICTION_TIME
from ml_platform.declarations.serialized import read_declarations
from ml_platform.project import Project


def project_then(project: Project, logged: Logged) -> tuple[Project | None, str]:
    """Return the project as it was declared when the predictions were made, and what is to be said of it.

    Where the log does not tell, it is the project as it is declared now; None where that has no such model any more.
    """
    problem = logged.problem
    if logged.declared is not None:
        try:
            return Project(read_declarations(project.spec, logged.declared)), ""
        except ValueError:
            problem = "the logged declarations are of another version of the platform"
    if logged.model in project.spec.models:
        return project, f"{problem}: the current declarations are used"
    return None, f"{problem}, and {logged.model} is no longer declared: its features and source rows are unavailable"


def features_then(then: Project, logged: Logged) -> pd.DataFrame:
    """Return the population's rows and the features of predictions, as they could be read at each batch run.

    Returns
    -------
    One row for each prediction whose row of the population is still in the source's log, by ``prediction_id``, with
    every ``source.column`` and ``table.column``, those among them that only give another table its key.

    Raises
    ------
    PlatformError
        Where an artifact is missing or damaged.
    """
    with then.engine() as engine:
        frame = Frame(then, logged.model, logged.inputs, engine)
        found = to_frame(frame.asked_again(_asked(logged)))
    return found.drop_duplicates("prediction_id").set_index("prediction_id")


def _asked(logged: Logged) -> pa.Table:
    keys: Mapping[str, Any] = {key: pa.Array.from_pandas(logged.rows[key]) for key in logged.key}
    at = [to_micros(instant.to_pydatetime()) for instant in logged.rows[EFFECTIVE_TIME]]
    asked = [to_micros(instant.to_pydatetime()) for instant in logged.rows[PREDICTION_TIME]]
    ids = pa.Array.from_pandas(logged.rows["prediction_id"])
    return pa.table(
        {"prediction_id": ids, **keys, EFFECTIVE: pa.array(at, pa.int64()), ASKED: pa.array(asked, pa.int64())}
    )
