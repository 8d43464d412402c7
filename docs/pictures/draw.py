"""Draw the pictures of the documentation as SVG: ``python docs/pictures/draw.py``."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
INK, SOFT, LINE, BLUE, GREEN, AMBER = "#1f2933", "#52606d", "#9aa5b1", "#2f6fde", "#2b8a3e", "#b35c00"


def svg(width: int, height: int, title: str, parts: list[str]) -> str:
    """Return a whole picture on a white ground, so that it reads in light and dark mode."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}" '
    style = 'font-family="system-ui, sans-serif" font-size="14">'
    arrow = (
        f'<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{SOFT}"/></marker></defs>'
    )
    ground = f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>'
    return "\n".join([head + style, arrow, ground, *parts, "</svg>", ""])


def text(x: float, y: float, words: str, color: str = INK, anchor: str = "middle", size: int = 14) -> str:
    """Return one line of text."""
    return f'<text x="{x}" y="{y}" fill="{color}" text-anchor="{anchor}" font-size="{size}">{words}</text>'


def box(x: float, y: float, name: str, note: str, color: str = BLUE) -> str:
    """Return a box with a name and a note, 150 by 58."""
    frame = f'<rect x="{x}" y="{y}" width="150" height="58" rx="6" fill="#f8fafc" stroke="{color}" stroke-width="1.5"/>'
    return frame + text(x + 75, y + 25, name) + text(x + 75, y + 44, note, SOFT, size=12)


def arrow(x1: float, y1: float, x2: float, y2: float, dashed: bool = False) -> str:
    """Return an arrow."""
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{SOFT}" fill="none" marker-end="url(#a)"{dash}/>'


def overview() -> str:
    """Return the whole platform on one picture: from sources to predictions, and back to training."""
    top = [
        box(20, 60, "sources", "rows, with known-at"),
        box(215, 60, "feature tables", "aggregates at ticks"),
        box(410, 60, "snapshot", "rows, labels, split"),
        box(605, 60, "trained model", "a new version"),
    ]
    bottom = [
        box(605, 190, "evaluation", "money, gates", GREEN),
        box(410, 190, "deployment", "release rule, champion", GREEN),
        box(215, 190, "predictions", "batch, all rows logged", AMBER),
        box(20, 190, "monitoring", "drift, realized value", AMBER),
    ]
    arrows = [
        *(arrow(x, 89, x + 43, 89) for x in (171, 366, 561)),
        arrow(680, 119, 680, 187),
        *(arrow(x, 219, x - 43, 219) for x in (604, 409, 214)),
        arrow(290, 119, 290, 187),
        f'<path d="M95 190C95 150 440 165 480 122" stroke="{SOFT}" fill="none" stroke-dasharray="5 4" '
        'marker-end="url(#a)"/>',
        text(185, 150, "drift or schedule: train again", SOFT, size=12),
        text(20, 32, "Each box is a Dagster asset, made from your YAML files", INK, "start", 15),
        text(20, 285, "Every artifact has a hash; the ledger records every deployment.", SOFT, "start", 13),
    ]
    return svg(775, 305, "From sources to predictions and back to training", [*top, *bottom, *arrows])


def time_line() -> str:
    """Return which rows a prediction may use: known at or before the last tick."""
    events = [(120, 180, True), (215, 250, True), (300, 345, True), (365, 470, False), (500, 540, False)]
    parts = [
        text(20, 30, "A prediction at 10:20 may use only what was known at the tick of 10:00", INK, "start", 15),
        f'<path d="M60 210H740" stroke="{LINE}"/>',
        *(f'<path d="M{x} 204V216" stroke="{LINE}"/>' + text(x, 234, hour, SOFT, size=12)
          for x, hour in ((80, "7:00"), (200, "8:00"), (320, "9:00"), (440, "10:00"), (560, "11:00"), (680, "12:00"))),
        f'<path d="M440 60V204" stroke="{BLUE}" stroke-width="2"/>' + text(440, 54, "tick", BLUE),
        f'<path d="M480 76V204" stroke="{GREEN}" stroke-width="2"/>' + text(488, 72, "prediction time", GREEN, "start"),
        f'<path d="M700 90V204" stroke="{AMBER}" stroke-width="2"/>' + text(700, 82, "label horizon", AMBER),
        '<rect x="200" y="190" width="240" height="12" fill="#2f6fde" opacity="0.18"/>',
        text(320, 186, "window 2h", BLUE, size=12),
    ]  # fmt: skip
    for row, (happened, known, used) in enumerate(events):
        y, color = 95 + row * 17, GREEN if used else "#c92a2a"
        dash = "" if used else ' stroke-dasharray="4 3"'
        parts.append(f'<path d="M{happened} {y}H{known}" stroke="{color}"{dash}/>')
        parts.append(f'<circle cx="{happened}" cy="{y}" r="4" fill="{color}"/>')
        parts.append(f'<path d="M{known} {y - 6}V{y + 6}" stroke="{color}" stroke-width="2"/>')
    parts += [
        f'<circle cx="70" cy="262" r="4" fill="{GREEN}"/>' + text(82, 267, "event", SOFT, "start", 12),
        f'<path d="M140 256V268" stroke="{GREEN}" stroke-width="2"/>' + text(150, 267, "known", SOFT, "start", 12),
        text(215, 267, "green: visible", GREEN, "start", 12),
        text(315, 267, "red: known only after the tick, so not visible", "#c92a2a", "start", 12),
    ]
    return svg(775, 285, "Which rows are visible to a prediction", parts)


if __name__ == "__main__":
    (HERE / "overview.svg").write_text(overview(), encoding="utf-8")
    (HERE / "time.svg").write_text(time_line(), encoding="utf-8")
