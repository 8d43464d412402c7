"""ONNX, converted by onnxmltools: trees over numbers of 32 bits. An extra of the platform installs the converter."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.core.errors import ExportRefused, listed
from ml_platform.models.export.export_format import ExportFormat, Loss, losses_of_trees

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ml_platform.models.predictor import Predictor

_FILE = "model.onnx"
_INPUT = "columns"


class Onnx(ExportFormat):
    """A graph that onnxruntime and other runtimes answer with.

    Its numbers have 32 bits, so scores differ in the seventh digit, and a value close to a split may fall on its other
    side: then the export is refused.
    """

    name: ClassVar[str] = "onnx"
    summary: ClassVar[str] = "an ONNX graph, in numbers of 32 bits"
    tolerance: ClassVar[float] = 1e-5

    def losses(self, predictor: Predictor) -> Iterator[Loss]:
        """Yield what the trees alone lack; texts are no numbers."""
        yield from losses_of_trees(predictor, "lightgbm")
        texts = [column.name for column in predictor.matrix if column.categories is not None]
        if texts:
            yield Loss("categories", f"the texts {listed(texts)} are turned into codes")

    def write(self, predictor: Predictor, folder: Path) -> None:
        """Convert the trees.

        Raises
        ------
        ExportRefused
            Where the converter is not installed or refuses the trees.
        """
        convert, number = _converter()
        booster = predictor.estimator.booster  # type: ignore[attr-defined]
        types = [(_INPUT, number([None, len(predictor.matrix)]))]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                graph = convert(booster, initial_types=types, zipmap=False)
        except Exception as error:  # of many kinds, none of them public
            raise ExportRefused(self.name, [f"onnxmltools cannot convert these trees: {error}"]) from error
        (folder / _FILE).write_bytes(graph.SerializeToString())

    def answers(self, predictor: Predictor, folder: Path, rows: pd.DataFrame) -> np.ndarray:
        """Return what onnxruntime gives."""
        import numpy as np

        try:
            import onnxruntime
        except ImportError:
            raise _not_installed() from None
        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 3, 1
        session = onnxruntime.InferenceSession(str(folder / _FILE), options, providers=["CPUExecutionProvider"])
        outputs = np.asarray(session.run(None, {_INPUT: predictor.encode(rows).values.astype("float32")})[-1])
        if not predictor.classes:
            return outputs[:, 0].astype("float64")
        return (outputs[:, 1] if len(predictor.classes) == 2 else outputs).astype("float64")


def _converter() -> tuple[Any, Any]:
    try:
        from onnxmltools import convert_lightgbm
        from onnxmltools.convert.common.data_types import FloatTensorType
    except ImportError:
        raise _not_installed() from None
    return convert_lightgbm, FloatTensorType


def _not_installed() -> ExportRefused:
    return ExportRefused("onnx", ["onnxmltools and onnxruntime are not installed: pip install 'ml-platform[onnx]'"])
