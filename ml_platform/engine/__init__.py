"""The engine: Ibis expressions, and what runs them."""

from ml_platform.engine.duckdb import Engine

__all__ = ["Engine"]
