"""The engine: Ibis expressions, and what runs them."""

from ml_platform.core.engines.duckdb import DuckDB
from ml_platform.core.engines.engine import Engine
from ml_platform.core.engines.spark import Spark

__all__ = [
    "DuckDB",
    "Engine",
    "Spark",
    "exact_sums",
    "float_limbs",
    "float_sums",
    "ibis_functions",
    "interval_index",
    "scratch",
]
