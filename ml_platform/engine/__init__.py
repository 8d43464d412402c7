"""The engine: Ibis expressions, and what runs them."""

from ml_platform.engine.duckdb import DuckDB
from ml_platform.engine.engine import Engine
from ml_platform.engine.spark import Spark

__all__ = ["DuckDB", "Engine", "Spark"]
