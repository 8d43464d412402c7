"""The pages: every text escaped, every link leads somewhere in the folder, nothing is fetched from elsewhere."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ml_platform.core.statistics.distributions import Distribution, Period, Spread
from ml_platform.project import open_project
from ml_platform.reporting.catalog.node_facts import Link
from ml_platform.reporting.site.distribution_svg import curve
from ml_platform.reporting.site.facts import SiteFacts, site_facts
from ml_platform.reporting.site.lineage_picture import around, lineage_edges
from ml_platform.reporting.site.pages import site_files
from ml_platform.storage.failures import Failure
from tests.shop_project import open_shop

NOW = datetime(2024, 3, 1, tzinfo=UTC)
EVIL = '<script>alert("1")</script>'


@dataclass
class Page(HTMLParser):
    """What one page holds: tags, ids, addresses, and its text."""

    tags: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    addresses: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            if name in ("href", "src", "action", "srcset", "data"):
                self.addresses.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(text: str) -> Page:
    page = Page()
    page.feed(text)
    return page


def entries(files: Mapping[str, str]) -> list[dict[str, str]]:
    """What the search box knows: the script is one assignment of JSON."""
    document: list[dict[str, str]] = json.loads(
        files["search-index.js"].removeprefix("window.catalogEntries = ").rstrip(";\n")
    )
    return document


@pytest.fixture
def facts(tmp_path: Path) -> SiteFacts:
    return site_facts(open_shop(tmp_path), NOW)


def with_distribution(facts: SiteFacts, distribution: Distribution) -> SiteFacts:
    (table,) = facts.catalog.feature_tables
    columns = (replace(table.columns[0], distribution=distribution, null_share=0.25), *table.columns[1:])
    tables = (replace(table, columns=columns, sampled=40),)
    return replace(facts, catalog=replace(facts.catalog, feature_tables=tables))


def test_there_is_a_page_for_each_source_feature_table_and_model(facts: SiteFacts) -> None:
    assert set(site_files(facts)) == {
        "index.html",
        "sources/orders.html",
        "sources/deliveries.html",
        "features/courier_recent.html",
        "models/late_parcel.html",
        "models/lateness.html",
        "style.css",
        "search.js",
        "search-index.js",
    }


def test_every_link_leads_to_a_file_of_the_folder_and_to_an_id_on_its_page(facts: SiteFacts) -> None:
    files = site_files(facts)
    pages = {name: read(text) for name, text in files.items() if name.endswith(".html")}
    rows = [("index.html", entry["href"]) for entry in entries(files)]
    rows += [(name, address) for name, page in pages.items() for address in page.addresses if address != "data:,"]
    assert len(rows) > 100
    served = ("/open/mlflow/", "/assets/", "/pages/search")  # what the server of the site answers itself
    for name, address in rows:
        if address.startswith(served):
            continue
        path, _, anchor = address.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
        assert target in files, (name, address)
        assert not anchor or anchor in pages[target].ids, (name, address)


def test_data_whose_last_run_failed_is_not_in_order_on_the_page_of_a_model(facts: SiteFacts) -> None:
    name = next(iter(facts.cards))
    card, known = facts.cards[name], f"models/{name}.html"
    first, *others = card.overview.data
    failed = replace(first, failure=Failure(f"sources/{first.name}", NOW, "a column is missing"))
    broken = replace(card, overview=replace(card.overview, data=(failed, *others)))
    page = site_files(replace(facts, cards={**facts.cards, name: broken}))[known]
    assert '<span class="bad">failed at 2024-03-01 00:00 UTC</span>' in page
    assert '<span class="bad">failed at' not in site_files(facts)[known]


def test_names_descriptions_owners_and_units_can_be_searched(facts: SiteFacts) -> None:
    by_entry = {entry["name"]: entry for entry in entries(site_files(facts))}
    assert by_entry["mean_late_1d"] == {
        "name": "mean_late_1d",
        "kind": "column of feature table courier_recent",
        "about": "mean of minutes_late",
        "owner": "team:shop",
        "unit": "min",
        "href": "features/courier_recent.html#c-mean_late_1d",
    }
    assert by_entry["amount"]["kind"] == "column of source orders"
    assert by_entry["late_parcel"]["about"].startswith("Will this parcel be 30 minutes late")


def test_nothing_is_fetched_from_elsewhere_and_no_page_runs_a_script(facts: SiteFacts) -> None:
    files = site_files(facts)
    for name, text in files.items():
        assert "http://" not in text, name
        assert "https://" not in text, name
        assert "//" not in text.replace("// Type-ahead", ""), name
    assert "@import" not in files["style.css"]
    assert "url(" not in files["style.css"]
    for name in ("index.html", "models/late_parcel.html"):
        page = read(files[name])
        assert page.tags.count("script") == 2
        assert not page.handlers


@pytest.mark.parametrize("kind", ["sources/orders", "features/courier_recent", "models/late_parcel"])
def test_the_words_of_a_declaration_are_text_and_never_markup(tmp_path: Path, kind: str) -> None:
    open_shop(tmp_path)
    path = tmp_path / f"{kind}.yaml"
    lines = path.read_text().splitlines()
    lines = [f"description: '{EVIL}'" if line.startswith("description:") else line for line in lines]
    path.write_text("\n".join(lines).replace("unit: EUR", f"unit: '{EVIL}'").replace("unit: min", f"unit: '{EVIL}'"))
    files = site_files(site_facts(open_project(tmp_path), NOW))
    for name in ("index.html", f"{kind}.html"):
        page = read(files[name])
        assert page.tags.count("script") == 2
        assert EVIL in "".join(page.words)
    assert EVIL in [entry["about"] for entry in entries(files)]


def test_a_value_from_data_is_text_and_never_markup(facts: SiteFacts) -> None:
    share = Spread(None, 0.5, None)
    distribution = Distribution("share", EVIL, "day", share, (Period("2024-02-01", share), Period("2024-02-02", share)))
    page = read(site_files(with_distribution(facts, distribution))["features/courier_recent.html"])
    assert page.tags.count("script") == 2
    assert EVIL in "".join(page.words)


def test_the_picture_has_a_line_for_each_stretch_without_a_gap(facts: SiteFacts) -> None:
    spreads = [Spread(0.0, 1.0, 2.0), Spread(1.0, 2.0, 4.0), None, Spread(0.0, 3.0, 3.5)]
    periods = tuple(Period(f"2024-02-0{day}", spread) for day, spread in enumerate(spreads, start=1))
    drawn = curve(Distribution("number", "", "day", Spread(0.0, 2.0, 4.0), periods), "min")
    # Two days make a line and a band; the one behind the gap stands alone, as a dot.
    assert (drawn.count('class="line"'), drawn.count('class="band"'), drawn.count('class="dot"')) == (1, 1, 1)
    # 0 is drawn at 82 and 4 at 8, so that 1 stands at 63.5 and 2 at 45; four days stand at 91.5, 166.5, 241.5, 316.5.
    assert 'd="M91.5 63.5L166.5 45.0"' in drawn
    assert 'd="M91.5 45.0L166.5 8.0L166.5 63.5L91.5 82.0Z"' in drawn
    assert "median, and 10 to 90 % of values in min, by day from 2024-02-01 to 2024-02-04" in drawn


def test_a_column_that_never_changes_is_drawn_as_well() -> None:
    flat = Spread(5.0, 5.0, 5.0)
    periods = (Period("2024-02-01", flat), Period("2024-02-02", flat))
    assert "nan" not in curve(Distribution("number", "", "day", flat, periods), "")


def test_lineage_of_one_thing_is_what_leads_to_it_and_where_it_leads(facts: SiteFacts) -> None:
    edges = lineage_edges(facts.catalog)
    orders, deliveries = Link("sources", "orders"), Link("sources", "deliveries")
    table, models = Link("features", "courier_recent"), [Link("models", "late_parcel"), Link("models", "lateness")]
    assert set(edges) == {
        (deliveries, table),
        *((table, model) for model in models),
        *((source, model) for model in models for source in (orders, deliveries)),
    }
    assert set(around(edges, table)) == {(deliveries, table), *((table, model) for model in models)}
    assert set(around(edges, orders)) == {(orders, model) for model in models}
