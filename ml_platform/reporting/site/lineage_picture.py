"""What is made from what, as a picture: sources, feature tables and models in three columns, each box a link."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from markupsafe import Markup

from ml_platform.reporting.catalog.facts import CatalogFacts
from ml_platform.reporting.catalog.node_facts import Link

Edge = tuple[Link, Link]
Href = Callable[[Link], str]
_COLUMNS = ("sources", "features", "models")
_HEIGHT, _GAP, _BETWEEN, _LETTER, _PADDING = 30, 10, 60, 7.3, 14


def lineage_edges(facts: CatalogFacts) -> tuple[Edge, ...]:
    """Return which source goes into which feature table, and what goes into which model."""
    edges: dict[Edge, None] = {}
    for table in facts.feature_tables:
        edges[Link("sources", table.source), Link("features", table.name)] = None
    for model in facts.models:
        read = [feature.of for feature in model.features if feature.of.kind == "sources"]
        tables = [Link("features", name) for name in model.tables]
        for link in (model.population, *model.asking, model.label, *tables, *read):
            edges[Link(link.kind, link.name), Link("models", model.name)] = None
    return tuple(edges)


def around(edges: Iterable[Edge], center: Link) -> tuple[Edge, ...]:
    """Return the edges by which something leads to `center`, or `center` leads to something."""
    known = tuple(edges)
    towards = _follow(known, center, back=True)
    onwards = _follow(known, center, back=False)
    return tuple(edge for edge in known if set(edge) <= towards or set(edge) <= onwards)


def _follow(edges: Iterable[Edge], center: Link, *, back: bool) -> set[Link]:
    known = tuple(edges)
    reached = {center}
    for _ in _COLUMNS:
        reached |= {edge[0 if back else 1] for edge in known if edge[1 if back else 0] in reached}
    return reached


def lineage_picture(edges: Iterable[Edge], href: Href, center: Link | None = None) -> Markup:
    """Return the picture as SVG; nothing where there is nothing to join.

    Parameters
    ----------
    href
        Where a box leads to.
    center
        The box to stress.
    """
    known = tuple(edges)
    if not known:
        return Markup("")
    boxes, width, height = _boxes(known)
    lines = [_edge(boxes[start], boxes[end], direct=_passes(start, end)) for start, end in known]
    drawn = [_box(link, box, href(link), link == center) for link, box in boxes.items()]
    frame = Markup('<svg class="lineage" width="{0:.0f}" height="{1}" viewBox="0 0 {0:.0f} {1}" ')
    content = Markup('role="group" aria-label="Lineage">{}</svg>')
    return frame.format(width, height) + content.format(Markup("").join([*lines, *drawn]))


_Box = tuple[float, float, float]
"""Left, top, width."""


def _boxes(edges: Iterable[Edge]) -> tuple[Mapping[Link, _Box], float, int]:
    links = list(dict.fromkeys(link for edge in edges for link in edge))
    columns = [[link for link in links if link.kind == kind] for kind in _COLUMNS]
    columns = [column for column in columns if column]
    height = max(len(column) for column in columns) * (_HEIGHT + _GAP) - _GAP
    boxes: dict[Link, _Box] = {}
    x = 1.0
    for column in columns:
        width = max(len(link.name) for link in column) * _LETTER + 2 * _PADDING
        top = (height - len(column) * (_HEIGHT + _GAP) + _GAP) / 2 + 1
        boxes |= {link: (x, top + number * (_HEIGHT + _GAP), width) for number, link in enumerate(column)}
        x += width + _BETWEEN
    return boxes, x - _BETWEEN + 1, height + 2


def _passes(start: Link, end: Link) -> bool:
    """Return whether an edge passes by the feature tables."""
    return (start.kind, end.kind) == ("sources", "models")


def _edge(start: _Box, end: _Box, *, direct: bool) -> Markup:
    x1, y1 = start[0] + start[2], start[1] + _HEIGHT / 2
    x2, y2 = end[0], end[1] + _HEIGHT / 2
    bend = min(_BETWEEN, x2 - x1) * 0.55
    path = Markup('<path class="edge{}" d="M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}"/>')
    return path.format(" direct" if direct else "", x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2)


def _box(link: Link, box: _Box, href: str, stressed: bool) -> Markup:
    x, top, width = box
    drawn = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}" rx="7"/>').format(x, top, width, _HEIGHT)
    text = Markup('<text x="{:.1f}" y="{:.1f}">{}</text>').format(x + _PADDING, top + _HEIGHT / 2 + 4, link.name)
    style = f"box {link.kind}{' center' if stressed else ''}"
    return Markup('<a class="{}" href="{}">{}{}</a>').format(style, href, drawn, text)
