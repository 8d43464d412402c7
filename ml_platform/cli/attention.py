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
    for found in item.attention:
        mark, color = ("✗", "red") if found.urgent else ("!", "yellow")
        then = f" ({found.then})" if found.then else ""
        console.print(line(Text(f"{mark} ", color).append(f"{item.name}: {found.what}{then}", "default"), left=2))
