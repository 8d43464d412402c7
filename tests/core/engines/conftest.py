from collections.abc import Callable

import pytest

from ml_platform.core.engines import DuckDB, Engine, Spark

ENGINES: dict[str, Callable[[], Engine]] = {"duckdb": lambda: DuckDB(threads=2), "spark": lambda: Spark("local[2]")}


@pytest.fixture(params=ENGINES)
def engine(request):
    """Each engine in turn. Spark is never skipped: without Java this fails and says what to install."""
    with ENGINES[request.param]() as opened:
        yield opened
