"""LightGBM's own text: the trees, the names of their columns, and the categories of texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ml_platform.models.export.export_format import ExportFormat, Loss, losses_of_trees

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ml_platform.models.predictor import Predictor

_FILE = "model.txt"
_NAMES = re.compile(r"^feature_names=.*$", re.MULTILINE)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.]+")
_CATEGORIES = re.compile(r"^pandas_categorical:.*$", re.MULTILINE)


class LightGBMText(ExportFormat):
    """A text that `lightgbm.Booster(model_file=...)` reads."""

    name: ClassVar[str] = "lightgbm"
    summary: ClassVar[str] = "LightGBM's text, which every binding of LightGBM reads"

    def losses(self, predictor: Predictor) -> Iterator[Loss]:
        """Yield what the trees alone lack. Categories are kept: `Booster.predict` takes a frame with such columns."""
        return losses_of_trees(predictor, "lightgbm")

    def write(self, predictor: Predictor, folder: Path) -> None:
        """Write the text with the names of the columns, and with the categories where pandas' frames have them."""
        text = predictor.estimator.save().files["trees.txt"].decode()
        names = [column.name for column in predictor.matrix]
        if all(_PLAIN_NAME.fullmatch(name) for name in names):
            text = _NAMES.sub(lambda _: f"feature_names={' '.join(names)}", text, count=1)
        categories = [list(column.categories) for column in predictor.matrix if column.categories is not None]
        line = f"pandas_categorical:{json.dumps(categories) if categories else 'null'}"
        text = _CATEGORIES.sub("", text).rstrip("\n") + f"\n\n{line}\n"
        (folder / _FILE).write_text(text, encoding="utf-8")

    def answers(self, predictor: Predictor, folder: Path, rows: pd.DataFrame) -> np.ndarray:
        """Return what LightGBM gives for a frame of numbers and categories."""
        import lightgbm
        import numpy as np
        import pandas as pd

        frame = pd.DataFrame(
            {
                column.name: rows[column.name].to_numpy(dtype="float64", na_value=np.nan)
                if column.categories is None
                else pd.Categorical(rows[column.name], categories=list(column.categories))
                for column in predictor.matrix
            }
        )
        booster = lightgbm.Booster(model_file=str(folder / _FILE))
        return np.asarray(booster.predict(frame, num_threads=1))
