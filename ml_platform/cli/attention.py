"""What of a model needs a person or is worth a look, printed for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from ml_platform.core.errors import listed
from ml_platform.core.terminal_table import line
from ml_platform.reporting.overview.attention import by_cause
from ml_platform.reporting.overview.model_overview import ModelOverview

HEALTH_COLORS: Mapping[str, str] = {"healthy": "green", "worth a look": "yellow", "needs a person": "red"}
"""The color of each health."""


def print_attention(items: Sequence[ModelOverview], console: Console) -> None:
    """Print what needs a person or is worth a look, each once with its models and what to do."""
    for point, models in by_cause((item.name, point) for item in items for point in item.attention).items():
        mark, color = ("✗", "red") if point.urgent else ("!", "yellow")
        then = f" ({point.then})" if point.then else ""
        console.print(
            line(Text(f"{mark} ", color).append(f"{listed(models)}: {point.what}{then}", "default"), indent=2)
        )
