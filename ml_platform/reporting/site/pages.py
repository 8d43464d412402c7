"""The pages of the site: facts put into templates. Every text is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import jinja2
from markupsafe import Markup

from ml_platform.core.formatting import (
    age_text,
    amount_text,
    capitalized,
    counted,
    figure_text,
    instant_text,
    money_text,
    share_text,
    value_text,
)
from ml_platform.core.web.policies import EXPLANATION_POLICY, SITE_POLICY, with_policy
from ml_platform.registry.evaluation.reasons import figure_words, in_words, limit_words
from ml_platform.reporting.catalog.node_facts import Link
from ml_platform.reporting.comparison.comparison import VersionComparison
from ml_platform.reporting.comparison.many import ManyComparison
from ml_platform.reporting.overview.ablation_lines import AblationLine, ablation_sentences
from ml_platform.reporting.overview.backtest_lines import (
    age_lines,
    backtest_sentences,
    metric_names,
    origin_lines,
    schedule_lines,
)
from ml_platform.reporting.site.age_chart import age_chart
from ml_platform.reporting.site.day_chart import day_chart
from ml_platform.reporting.site.dependence_chart import dependence_chart
from ml_platform.reporting.site.distribution_svg import curve
from ml_platform.reporting.site.facts import SiteFacts
from ml_platform.reporting.site.lineage_picture import around, lineage_edges, lineage_picture
from ml_platform.reporting.site.links import anchor, href
from ml_platform.reporting.site.many_page import KEYS_SHOWN, interval_scale
from ml_platform.reporting.site.pair_chart import pair_chart
from ml_platform.reporting.site.score_charts import calibration_chart, predicted_actual_chart
from ml_platform.reporting.site.search import index_of, matches, search_script
from ml_platform.reporting.site.yaml_highlight import highlighted
from ml_platform.storage.artifact_kinds.ablation import AblationManifest
from ml_platform.storage.artifact_kinds.backtest import BacktestManifest

_PACKAGE = "ml_platform.reporting.site"
SEARCH_RESULTS = 100
"""So many results of a search are shown."""
_AS_THEY_ARE = ("style.css", "search.js")


def _plain(value: object) -> str:
    """Return a label, an action or a prediction."""
    if isinstance(value, bool):
        return str(value).lower()
    return figure_text(value) if isinstance(value, float) else str(value)


_LINES = (ablation_sentences, backtest_sentences, metric_names, origin_lines, age_lines, schedule_lines)
_CHARTS = (curve, age_chart, day_chart, pair_chart, dependence_chart, calibration_chart, predicted_actual_chart)
_FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "amount": amount_text,
        "anchor": anchor,
        "at": datetime.fromisoformat,
        "counted": counted,
        "each": lambda span: span.removeprefix("1 "),
        "figure": figure_text,
        "figure_words": figure_words,
        "highlighted": highlighted,
        "in_words": in_words,
        "instant": instant_text,
        "limit_words": limit_words,
        "money": money_text,
        "plain": _plain,
        "sentence": lambda text: f"{capitalized(text).rstrip('.')}." if text else "",
        "share": share_text,
        "value": value_text,
        "words": lambda name: name.replace("_", " "),
    }
)


def site_files(facts: SiteFacts) -> dict[str, str]:
    """Return the text of every file of the site by its path: pages, style, script and search index."""
    assets = {name: _text(name) for name in _AS_THEY_ARE}
    return {**dict(_pages(facts)), **assets, "search-index.js": search_script(facts.catalog)}


def card_page(facts: SiteFacts, model: str) -> str:
    """Return the page of one model on its own: it needs no other file and has no script."""
    page = _Page(facts, style=Markup(_text("style.css")))
    return page.write("card.html", "", Link("models", model), _about_model(facts, model))


def comparison_page(comparison: VersionComparison) -> str:
    """Return the page of a comparison on its own: it needs no other file and has no script."""
    templates = _environment()
    page = templates.get_template("comparison.html").render(comparison=comparison, style=Markup(_text("style.css")))
    return with_policy(page, EXPLANATION_POLICY)


def many_page(comparison: ManyComparison) -> str:
    """Return the page of many runs side by side: it needs no other file and has no script."""
    about = {"comparison": comparison, "scale": interval_scale(comparison), "shown": KEYS_SHOWN}
    page = _environment().get_template("many.html").render(about, style=Markup(_text("style.css")))
    return with_policy(page, EXPLANATION_POLICY)


def ablation_page(about: AblationManifest, lines: Sequence[AblationLine]) -> str:
    """Return the page of an ablation on its own: it needs no other file and has no script."""
    page = _environment().get_template("ablation.html")
    return with_policy(page.render(about=about, lines=lines, style=Markup(_text("style.css"))), EXPLANATION_POLICY)


def backtest_page(about: BacktestManifest) -> str:
    """Return the page of a backtest on its own: it needs no other file and has no script."""
    page = _environment().get_template("backtest.html").render(about=about, style=Markup(_text("style.css")))
    return with_policy(page, EXPLANATION_POLICY)


def search_page(project: str, now: datetime, index: str, query: str) -> str:
    """Return the page that a search of the served site leads to. It has no script.

    Parameters
    ----------
    index
        The text of the site's ``search-index.js``.
    """
    entries = matches(index_of(index), query)
    about = {"facts": {"project": project, "now": now}, "style": None, "root": "/pages/site/", "query": query}
    template = _environment().get_template("search.html")
    return template.render(about, entries=entries[:SEARCH_RESULTS], count=len(entries))


def _environment() -> jinja2.Environment:
    templates = jinja2.Environment(
        autoescape=True,
        loader=jinja2.PackageLoader(_PACKAGE),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= _FILTERS
    templates.globals |= {part.__name__: part for part in (*_CHARTS, *_LINES)}
    return templates


def _pages(facts: SiteFacts) -> Iterator[tuple[str, str]]:
    page, catalog = _Page(facts), facts.catalog
    yield "index.html", page.write("index.html", "", Link("", ""), {})
    for source in catalog.sources:
        link = Link("sources", source.name)
        yield href(link), page.write("source.html", "../", link, {"source": source})
    for table in catalog.feature_tables:
        link = Link("features", table.name)
        yield href(link), page.write("feature_table.html", "../", link, {"table": table})
    for model in catalog.models:
        link = Link("models", model.name)
        yield href(link), page.write("card.html", "../", link, _about_model(facts, model.name))


def _about_model(facts: SiteFacts, name: str) -> Mapping[str, Any]:
    model = next(item for item in facts.catalog.models if item.name == name)
    return {"model": model, "card": facts.cards[name]}


def _text(name: str) -> str:
    return (files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8")


class _Page:
    """The templates, with what all pages share.

    Parameters
    ----------
    style
        The style sheet of a single page; None for a page of the site, which has it beside it.
    """

    def __init__(self, facts: SiteFacts, style: Markup | None = None) -> None:
        self._edges, self._is_alone = lineage_edges(facts.catalog), style is not None
        self._templates = _environment()
        self._templates.filters["age"] = partial(age_text, now=facts.catalog.now)
        self._templates.globals |= {"site": facts, "facts": facts.catalog, "link": Link, "style": style}

    def write(self, template: str, root: str, center: Link, about: Mapping[str, Any]) -> str:
        """Return one page.

        Parameters
        ----------
        root
            How the page reaches the folder of the site.
        center
            What the page is about; the index is about everything.
        """
        to: Callable[[Link], str] = (lambda link: "") if self._is_alone else partial(href, root=root)
        edges = around(self._edges, center) if center.name else self._edges
        picture = "" if self._is_alone else lineage_picture(edges, to, center)
        page = self._templates.get_template(template).render(about, root=root, href=to, lineage=picture)
        return with_policy(page, EXPLANATION_POLICY if self._is_alone else SITE_POLICY)
