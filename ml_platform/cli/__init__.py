"""The command line.

A command has its options and its help in one of the four ``commands_*.py``, under a heading of `PANELS` (``app.py``),
and what it does in a module of its own.
"""

__all__ = ["dagster_home", "exit"]
