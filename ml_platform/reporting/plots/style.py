"""One small style for every picture: white ground, quiet grid, a title that names what is seen."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#1f2937", "#6b7280", "#e5e7eb"
BLUE, ORANGE, GREY, GREEN, RED = "#2563eb", "#d97706", "#94a3b8", "#059669", "#dc2626"
ROLE_COLORS = {"challenger": BLUE, "champion": ORANGE, "anchor": GREEN, "baseline": GREY, "do_nothing": "#cbd5e1"}
"""By role; every other contender is a baseline, or the declared algorithm where a simpler one was chosen."""
_WIDTH, _HEIGHT, _DPI = 7.0, 3.8, 160


def contender_color(name: str) -> str:
    """Return the color of a contender of an evaluation, by its name.

    >>> contender_color("baseline/ridge") == contender_color("declared_algorithm") != contender_color("challenger")
    True
    """
    return ROLE_COLORS.get(name.partition("/")[0], GREY)


def canvas(title: str, subtitle: str, *, height: float = _HEIGHT, bottom: float = 0.62) -> tuple[Figure, Axes]:
    """Return an empty picture, 7 inches wide, with its title set and room for tick labels at the bottom, in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    top = 1 - 0.78 / height
    axes = figure.add_axes((0.1, bottom / height, 0.86, top - bottom / height))
    figure.text(0.02, 1 - 0.3 / height, title, fontsize=12, fontweight="bold", color=INK, va="center")
    figure.text(0.02, 1 - 0.54 / height, subtitle, fontsize=9, color=MUTED, va="center")
    style(axes)
    return figure, axes


def style(axes: Axes) -> None:
    """Give axes the platform's look."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(colors=MUTED, labelsize=9, length=0, pad=4)
    axes.xaxis.get_offset_text().set(size=9, color=MUTED)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.label.set(color=MUTED, fontsize=9)
    axes.yaxis.label.set(color=MUTED, fontsize=9)


def horizontal(axes: Axes, names: list[str]) -> None:
    """Make room on the left for the names of horizontal bars, the first on top."""
    longest = max((len(name) for name in names), default=0)
    box = axes.get_position()
    start = min(0.045 + 0.0112 * longest, 0.5)
    axes.set_position((start, box.y0, 0.96 - start, box.height))
    axes.set_yticks(range(len(names)), names, color=INK)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)


def legend(axes: Axes) -> None:
    """Put a quiet legend where it covers least."""
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="best")


def png(figure: Figure) -> bytes:
    """Return the picture as PNG bytes; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
