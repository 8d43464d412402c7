"""What DuckDB alone does: it spills."""

import pyarrow as pa
import pytest

from ml_platform.core.engines import DuckDB
from ml_platform.core.private_files import private_temporary_folder


@pytest.mark.slow
def test_an_engine_that_spills_removes_its_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with DuckDB(threads=1) as engine:
        engine._connection.execute("SET memory_limit = '40MB'")
        numbers = engine.arrow("numbers", pa.table({"x": pa.array(range(3_000_000), pa.int64())}))
        kept = engine.keep("sorted_numbers", numbers.order_by(-numbers.x))
        assert list(tmp_path.iterdir())
        assert engine.run(kept.aggregate(total=kept.x.sum()))["total"].to_pylist() == [4_499_998_500_000]
    assert list(private_temporary_folder().iterdir()) == []
