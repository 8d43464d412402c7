"""A process that loads a predictor, predicts rows together and one by one, and writes the most memory that it had."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.parquet as pq

from ml_platform.core.plain_values import plain_value
from ml_platform.models.export.mlflow import predictor_in


def main(folder: Path, file: Path, result: Path) -> None:
    """Write the most memory, in bytes, into a file: code of the project may print."""
    predictor, rows = predictor_in(folder), pq.read_table(file).to_pandas()
    predictor.predict(rows)
    row_form = predictor.row_form()
    for row in rows.itertuples(index=False, name=None):
        row_form.predict([plain_value(value) for value in row])
    result.write_text(str(peak_bytes()))


def peak_bytes() -> int:
    """Return the most memory that this process has had resident.

    Linux notes it for the program that runs. `getrusage` would give that of the process that started this one where it
    was larger, so it is read only where there is no such note.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # of macOS: bytes


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
