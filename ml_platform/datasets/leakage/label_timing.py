"""Rows that were asked about when their label was known already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml_platform.datasets.exclusions import EFFECTIVE_TIME
from ml_platform.datasets.labels.states import LABEL
from ml_platform.datasets.leakage.label_rows import HAPPENED, KNOWN_FROM, THEN, WAS_KNOWN


@dataclass(frozen=True)
class LabelTiming:
    """Which rows came too late.

    Attributes
    ----------
    known
        The label that a row has was known at its batch run, or before.
    happened
        The event that the label describes had happened by then, known or not.
    develops
        Early rows all have the same label, and some are corrected later: a state that is not the truth yet.
    """

    known: np.ndarray
    happened: np.ndarray
    develops: bool


def settled_rows(frame: pd.DataFrame, truth: pd.DataFrame) -> LabelTiming:
    """Return which rows of a snapshot lie at or after the instant from which their label was known.

    Parameters
    ----------
    truth
        From `ml_platform.datasets.leakage.label_rows.truth_of`, in the rows' order.
    """
    asked = frame[EFFECTIVE_TIME].to_numpy(dtype="datetime64[us]")
    since, event = (truth[name].to_numpy(dtype="datetime64[us]") for name in (KNOWN_FROM, HAPPENED))
    known = (~np.isnat(since)) & (since <= asked)
    happened = (~np.isnat(event)) & (event <= asked) & ~known
    early = truth[WAS_KNOWN].to_numpy(dtype=bool)
    then = truth[THEN][early]
    changed = (then.notna() & (then != frame[LABEL][early])).fillna(False).to_numpy(dtype=bool)
    return LabelTiming(known, happened, develops=bool(changed.any()) and then.nunique() == 1)
