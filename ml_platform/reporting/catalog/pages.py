"""The pages of the catalog: facts put into templates. Every text is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.resources import files
from typing import Any

import jinja2

from ml_platform.core.formatting import age_text, figure_text, instant_text, money_text, share_text, value_text
from ml_platform.core.web.policies import CATALOG_POLICY, with_policy
from ml_platform.reporting.catalog.distribution_svg import curve
from ml_platform.reporting.catalog.facts import CatalogFacts
from ml_platform.reporting.catalog.lineage_picture import around, lineage_edges, lineage_picture
from ml_platform.reporting.catalog.links import anchor, href
from ml_platform.reporting.catalog.node_facts import Link
from ml_platform.reporting.catalog.search import search_script
from ml_platform.reporting.catalog.yaml_highlight import highlighted

_PACKAGE = "ml_platform.reporting.catalog"
_AS_THEY_ARE = ("style.css", "search.js")


def catalog_files(facts: CatalogFacts) -> dict[str, str]:
    """Return the text of every file of the site by its path: pages, style, script and search index."""
    templates = files(_PACKAGE) / "templates"
    assets = {name: (templates / name).read_text(encoding="utf-8") for name in _AS_THEY_ARE}
    return {**dict(_pages(facts)), **assets, "search-index.js": search_script(facts)}


def _pages(facts: CatalogFacts) -> Iterator[tuple[str, str]]:
    page = _Page(facts)
    yield "index.html", page.write("index.html", "", Link("", ""), {})
    for source in facts.sources:
        link = Link("sources", source.name)
        yield href(link), page.write("source.html", "../", link, {"source": source})
    for table in facts.feature_tables:
        link = Link("features", table.name)
        yield href(link), page.write("feature_table.html", "../", link, {"table": table})
    for model in facts.models:
        link = Link("models", model.name)
        yield href(link), page.write("model.html", "../", link, {"model": model})


class _Page:
    """The templates, with what all pages share."""

    def __init__(self, facts: CatalogFacts) -> None:
        self._facts, self._edges = facts, lineage_edges(facts)
        loader = jinja2.PackageLoader(_PACKAGE)
        self._templates = jinja2.Environment(
            autoescape=True, loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._templates.filters |= _filters(facts)
        self._templates.globals |= {"facts": facts, "curve": curve, "link": Link}

    def write(self, template: str, root: str, center: Link, about: Mapping[str, Any]) -> str:
        """Return one page.

        Parameters
        ----------
        root
            How the page reaches the folder of the site.
        center
            What the page is about; the index is about everything.
        """
        to = partial(href, root=root)
        edges = around(self._edges, center) if center.name else self._edges
        picture = lineage_picture(edges, to, center)
        page = self._templates.get_template(template).render(about, root=root, href=to, lineage=picture)
        return with_policy(page, CATALOG_POLICY)


def _filters(facts: CatalogFacts) -> dict[str, Callable[..., Any]]:
    return {
        "anchor": anchor,
        "age": partial(age_text, now=facts.now),
        "each": lambda span: span.removeprefix("1 "),
        "figure": figure_text,
        "highlighted": highlighted,
        "instant": instant_text,
        "money": money_text,
        "share": share_text,
        "value": value_text,
        "words": lambda name: name.replace("_", " "),
    }
