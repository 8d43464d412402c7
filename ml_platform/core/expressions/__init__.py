"""Expressions in declarations: labels, conditions, payoffs, what a feature aggregates.

They use Python's syntax and a short list of functions. They are parsed, checked and
interpreted; nothing is ever handed to Python to execute.
"""

from ml_platform.core.expressions.expression import Expression, dotted_names, parse_expression
from ml_platform.core.expressions.types import Kind

__all__ = ["Expression", "Kind", "dotted_names", "functions", "parse_expression", "row_backend", "tree", "types"]
