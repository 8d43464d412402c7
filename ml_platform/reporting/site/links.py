"""The address of each thing in the site."""

from __future__ import annotations

import re

from ml_platform.reporting.catalog.node_facts import Link


def href(link: Link, root: str = "") -> str:
    """Return the address of a source, feature table or model, or of one of its columns.

    Parameters
    ----------
    root
        How a page reaches the folder of the site, such as ``../``.

    >>> href(Link("sources", "orders", "amount (net)"), "../")
    '../sources/orders.html#c-amount.20.28net.29'
    """
    place = f"#{anchor(link.column)}" if link.column else ""
    return f"{root}{link.kind}/{link.name}.html{place}"


def anchor(column: str) -> str:
    """Return the id of a column on its page: letters, digits, ``_`` and ``-`` stay as they are."""
    return "c-" + re.sub(r"[^A-Za-z0-9_-]", lambda match: f".{ord(match[0]):x}", column)
