"""Reading Parquet files in batches, whatever their size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ml_platform.core.errors import SchemaChanged
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.reading.batch import Batch
from ml_platform.sources.reading.columns import require_columns
from ml_platform.sources.reading.open_file import gone

_ROWS = 65_536


def read_parquet(files: Any, path: str, spec: SourceSpec, where: str) -> Iterator[Batch]:
    """Yield the declared columns of a Parquet file.

    Raises
    ------
    MissingFile, SchemaChanged
    """
    try:
        with files.open(path, "rb") as file:
            parquet = pq.ParquetFile(
                file, page_checksum_verification=True, pre_buffer=False, coerce_int96_timestamp_unit="us"
            )
            names = parquet.schema_arrow.names
            there = require_columns(names, spec, where)
            for batch in parquet.iter_batches(_ROWS, columns=there):
                yield Batch(pa.Table.from_batches([batch]).select(there), columns=names)
    except FileNotFoundError:
        raise gone(spec, where, path) from None
    except (pa.ArrowException, OSError) as error:
        raise SchemaChanged(spec.name, where, f"not readable as Parquet: {error}", "Repair the file.") from None
