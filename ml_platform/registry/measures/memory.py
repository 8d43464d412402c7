"""How much memory a process takes that loads the predictor and predicts with it."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq

from ml_platform.core.engines.scratch import scratch_folder
from ml_platform.core.errors import EvaluationError
from ml_platform.core.private_files import private_temporary_folder
from ml_platform.registry.measures.measure import Candidate, Measured

ROWS = 200
"""Test rows that are predicted, together and one by one."""
_PREDICTOR, _ROWS, _PEAK = "predictor", "rows.parquet", "peak"
_PROCESS = "ml_platform.registry.measures.memory_process"


def memory(candidate: Candidate) -> Measured:
    """Return the most memory of a new process that does nothing else, in millions of bytes, libraries included.

    Raises
    ------
    EvaluationError
        Where the process fails.
    """
    with scratch_folder(private_temporary_folder()) as folder:
        for name, content in candidate.predictor.files().items():
            path = folder / _PREDICTOR / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        pq.write_table(pa.Table.from_pandas(candidate.test_rows(ROWS), preserve_index=False), folder / _ROWS)
        places = [str(folder / name) for name in (_PREDICTOR, _ROWS, _PEAK)]
        command = [sys.executable, "-m", _PROCESS, *places]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        peak = int((folder / _PEAK).read_text()) if not ran.returncode else 0
    if ran.returncode:
        reason = ran.stderr.strip().rpartition("\n")[2]
        raise EvaluationError(
            f"{candidate.model}: memory_mb cannot be measured, as the process that predicts ended with: {reason}. "
            "Correct that, or remove the gate."
        )
    return Measured(peak / 1e6)
