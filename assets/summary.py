"""The first entry of every asset's page: the verdict, the figures that count, and pictures, without a click."""

import re
from collections.abc import Iterable, Sequence

import dagster as dg

from ml_platform_dagster.assets.metadata import literal

SUMMARY = "summary"
LONGEST = 999
"""Dagster 1.13 shows Markdown in place up to this length, in UTF-16 units, and a button in place of a longer one."""
_SENTENCE = 320
_UNIT = re.compile(r"(?<=\d) (?=%|k\b|M\b|bn\b)")
SITE = "/pages/site"
"""Where the web server of ``ml-platform up`` shows the site."""


def summary(
    verdict: str,
    facts: Iterable[str] = (),
    table: Sequence[Sequence[object]] = (),
    pictures: Iterable[str] = (),
    links: Iterable[str] = (),
) -> dict[str, dg.MarkdownMetadataValue]:
    """Return the summary of a page under its key.

    What does not fit is left out: rows of the table from the last on, then facts, then pictures. All of it is further
    down on the page too.

    Parameters
    ----------
    verdict
        A sentence without its full stop.
    facts
        Sentences with their full stops.
    table
        The first row holds the headings.
    pictures, links
        Markdown.
    """
    rows, sentences, shown, ends = list(table), [_cut(fact) for fact in facts], list(pictures), list(links)
    text = _text(verdict, sentences, rows, shown, ends)
    while _length(text) > LONGEST and (rows or sentences or shown or ends):
        longest = rows if len(rows) > 3 else sentences or shown or rows or ends
        longest.pop()
        text = _text(verdict, sentences, rows, shown, ends)
    return {SUMMARY: dg.MetadataValue.md(text)}


def model_page(model: str) -> str:
    """Return the link to a model's page of the site."""
    return site_page("models", model)


def site_page(folder: str, name: str) -> str:
    """Return the link to a page of the site, such as that of a source."""
    return f"[Page of {literal(name)}]({SITE}/{folder}/{name}.html)"


def _text(
    verdict: str, facts: Sequence[str], rows: Sequence[Sequence[object]], pictures: Sequence[str], links: Sequence[str]
) -> str:
    head = " ".join([f"**{literal(_cut(verdict))}.**", *map(literal, facts)])
    lines = [f"| {' | '.join(literal('' if cell is None else cell) for cell in row)} |" for row in rows]
    if lines:
        lines.insert(1, f"|{' --- |' * len(rows[0])}")
    text = "\n\n".join(filter(None, [head, "\n".join(lines), "\n\n".join(pictures), " · ".join(links)]))
    return _UNIT.sub("\u00a0", text)  # a figure and its unit stay on one line


def _cut(sentence: str) -> str:
    return sentence if len(sentence) <= _SENTENCE else f"{sentence[: _SENTENCE - 1]}…"


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
