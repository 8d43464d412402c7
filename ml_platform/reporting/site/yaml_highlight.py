"""A declaration as text in a page, with its keys and its comments set apart."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_KEY = re.compile(r"^(\s*(?:- )?)([A-Za-z_][\w.]*)(:)(?=\s|$)")


def highlighted(text: str) -> Markup:
    r"""Return a YAML text with every character escaped, keys and whole-line comments marked.

    >>> print(highlighted("# why\nname: <b>"))
    <span class="comment"># why</span>
    <span class="key">name</span>: &lt;b&gt;
    """
    return Markup("\n").join(_line(line) for line in text.rstrip().split("\n"))


def _line(line: str) -> Markup:
    if line.lstrip().startswith("#"):
        return Markup('<span class="comment">{}</span>').format(line)
    key = _KEY.match(line)
    if key is None:
        return escape(line)
    return Markup('{}<span class="key">{}</span>{}{}').format(key[1], key[2], key[3], line[key.end() :])
