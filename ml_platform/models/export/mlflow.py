"""An MLflow model (pyfunc) that carries the whole predictor: MLflow loads it by this module, and unpickles nothing."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.models.export.export_format import ExportFormat, Loss

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ml_platform.models.predictor import Predictor

_FOLDER, _DATA = "model", "predictor"


class MlflowModel(ExportFormat):
    """A folder that `mlflow.pyfunc.load_model` and `mlflow models serve` read."""

    name: ClassVar[str] = "mlflow"
    summary: ClassVar[str] = "an MLflow model that gives scores, actions and expected payoffs"

    def losses(self, predictor: Predictor) -> Iterator[Loss]:
        """Yield nothing: the predictor is carried whole."""
        yield from ()

    def write(self, predictor: Predictor, folder: Path) -> None:
        """Write the predictor's files, as the store keeps them, and MLflow's description."""
        pyfunc, data = _pyfunc(), folder / _DATA
        for name, content in predictor.files().items():
            path = data / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        pyfunc.save_model(
            path=str(folder / _FOLDER),
            loader_module=__name__,
            data_path=str(data),
            pip_requirements=[f"ml-platform=={version('ml-platform')}"],
            metadata={"predictor": predictor.id, "columns": {item.name: item.type for item in predictor.inputs}},
        )
        for path in sorted(data.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        data.rmdir()

    def answers(self, predictor: Predictor, folder: Path, rows: pd.DataFrame) -> np.ndarray:
        """Return the scores that MLflow gives.

        Raises
        ------
        ExportRefused
            Where an action or an expected payoff differs.
        """
        import numpy as np

        from ml_platform.core.errors import ExportRefused

        outputs: Any = _pyfunc().load_model(str(folder / _FOLDER)).predict(rows)
        expected = predictor.predict(rows)
        decided = [name for name in expected.columns if not name.startswith("score")]
        if not outputs[decided].equals(expected[decided]):
            raise ExportRefused(self.name, ["an action or an expected payoff differs from that of the model"])
        return np.asarray(outputs[[name for name in outputs.columns if name.startswith("score")]]).squeeze()


class LoadedPredictor:
    """What MLflow asks: a frame of the model's input columns in, predictions out."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(self, model_input: pd.DataFrame) -> pd.DataFrame:
        """Return a prediction for each row; timestamps may be texts with a zone, as JSON has them."""
        import pandas as pd

        frame = model_input.copy()
        for column in self.predictor.inputs:
            if column.type == "timestamp" and column.name in frame and frame[column.name].dtype == object:
                texts = frame[column.name].map(lambda value: isinstance(value, str))
                if texts.any():
                    frame[column.name] = pd.to_datetime(frame[column.name], format="ISO8601")
        return self.predictor.predict(frame)


def _pyfunc() -> Any:
    """Return MLflow's module, which warns of its own type hints while it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
    return mlflow.pyfunc


def _load_pyfunc(path: str) -> LoadedPredictor:
    """Return the predictor of a folder; MLflow calls this by its name."""
    return LoadedPredictor(predictor_in(Path(path)))


def predictor_in(folder: Path) -> Predictor:
    """Return the predictor whose files are in a folder, as `Predictor.files` gives them.

    Raises
    ------
    ArtifactDamaged
        Where the files are not those that their manifest names.
    """
    from ml_platform.core.errors import ArtifactDamaged
    from ml_platform.core.hashing import bytes_hash, content_id
    from ml_platform.models.bundled_code import Code
    from ml_platform.models.predictor import CODE, MANIFEST, sources_of, verified_predictor

    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    manifest = json.loads(files[MANIFEST])
    hashes = {name: bytes_hash(content) for name, content in files.items() if name != MANIFEST}
    if hashes != manifest["files"]:
        raise ArtifactDamaged(str(folder), content_id(manifest["files"]), content_id(hashes))
    code = Code(sources_of(files), folder / CODE, folder / CODE)
    return verified_predictor("predictor", f"the predictor in {folder}", manifest["id"], files, code)
