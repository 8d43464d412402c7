"""The search of the site: an index as a script, for pages opened from files, and the same search without scripts.

A page that was opened from a file may not fetch JSON, so the index is a script. Where the site is served no script
runs, so the box is a form, and the server looks the words up by `matches`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ml_platform.reporting.catalog.facts import CatalogFacts
from ml_platform.reporting.catalog.node_facts import Link
from ml_platform.reporting.site.links import href

_BEFORE = "window.catalogEntries = "
_SCRIPT = re.compile(r'<script src="[^"]*" defer></script>\n')
_WORDS = {"sources": "source", "features": "feature table", "models": "model"}


def search_script(facts: CatalogFacts) -> str:
    """Return the script that holds every name with what can be searched beside it."""
    entries = json.dumps(list(_entries(facts)), ensure_ascii=True, separators=(",", ":"))
    return f"{_BEFORE}{entries};\n"


def index_of(script: str) -> list[dict[str, str]]:
    """Return the entries of `search_script`."""
    entries: list[dict[str, str]] = json.loads(script.removeprefix(_BEFORE).rstrip().removesuffix(";"))
    return entries


def matches(entries: Iterable[Mapping[str, str]], query: str) -> list[Mapping[str, str]]:
    """Return the entries that have every word of a query, those with a word in their name first.

    Words are parted by spaces and dots; each may be a part of a longer one. ``search.js`` has the same rule.
    """
    words = [word for word in re.split(r"[\s.]+", query.lower()) if word]
    weighed = [(_weight(entry, words), entry) for entry in entries] if words else []
    return [entry for weight, entry in sorted(weighed, key=lambda item: -item[0]) if weight >= 0]


def without_scripts(page: str) -> str:
    r"""Return a page of the site as it is served: without the scripts that search where it is opened as a file.

    >>> without_scripts('<main></main>\n<script src="../search.js" defer></script>\n</body>')
    '<main></main>\n</body>'
    """
    return _SCRIPT.sub("", page)


def _weight(entry: Mapping[str, str], words: Sequence[str]) -> int:
    text = " ".join(value for name, value in entry.items() if name != "href").lower()
    if not all(word in text for word in words):
        return -1
    title, weight = entry["name"].lower(), 0 if entry["kind"].startswith("column") else 1
    for word in words:
        weight += 8 if word == title else 4 if title.startswith(word) else 2 if word in title else 0
    return weight


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
