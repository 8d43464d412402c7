"""What of a model needs a person or is worth a look, printed for a person."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from ml_platform.core.terminal_table import line
from ml_platform.reporting.overview.model_overview import ModelOverview

HEALTH_COLORS: Mapping[str, str] = {"healthy": "green", "worth a look": "yellow", "needs a person": "red"}
"""The color of each health."""


def print_attention(item: ModelOverview, console: Console) -> None:
    """Print what of a model needs a person or is worth a look, each with what to do."""
    for point in item.attention:
        mark, color = ("✗", "red") if point.urgent else ("!", "yellow")
        then = f" ({point.then})" if point.then else ""
        console.print(line(Text(f"{mark} ", color).append(f"{item.name}: {point.what}{then}", "default"), indent=2))
