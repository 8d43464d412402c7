"""The index that the search box reads: a script, because a page that was opened from a file may not fetch JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ml_platform.reporting.catalog.facts import CatalogFacts
from ml_platform.reporting.catalog.node_facts import Link
from ml_platform.reporting.site.links import href

_WORDS = {"sources": "source", "features": "feature table", "models": "model"}


def search_script(facts: CatalogFacts) -> str:
    """Return the script that holds every name with what can be searched beside it."""
    entries = json.dumps(list(_entries(facts)), ensure_ascii=True, separators=(",", ":"))
    return f"window.catalogEntries = {entries};\n"


def _entries(facts: CatalogFacts) -> Iterator[dict[str, str]]:
    for model in facts.models:
        yield _entry(Link("models", model.name), model.description, model.owner)
    for table in facts.feature_tables:
        yield _entry(Link("features", table.name), table.description, table.owner)
        for feature in table.columns:
            about = feature.description or feature.formula
            yield _entry(Link("features", table.name, feature.name), about, table.owner, feature.unit)
    for source in facts.sources:
        yield _entry(Link("sources", source.name), source.description, source.owner)
        for column in source.columns:
            about = column.description or column.type
            yield _entry(Link("sources", source.name, column.name), about, source.owner, column.unit)


def _entry(link: Link, description: str, owner: str, unit: str = "") -> dict[str, str]:
    kind = f"column of {_WORDS[link.kind]} {link.name}" if link.column else _WORDS[link.kind]
    facts = {"name": link.column or link.name, "kind": kind, "about": description, "owner": owner, "unit": unit}
    return {**facts, "href": href(link)}
