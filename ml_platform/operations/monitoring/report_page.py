"""Evidently's page made harmless: values of the data stay text, and only the page's own scripts may run.

Evidently 0.7 writes ``json.dumps(...)`` into ``<script>``, where a category ``</script><script>...`` would run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re

from ml_platform.core.errors import PlatformError
from ml_platform.core.web.policies import with_policy

_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
"""The same text for JavaScript, and nothing that HTML reads as markup (OWASP, JSON in a script element)."""
_VALUES = ("", "additional_graphs_")
"""What the template's two variables that hold JSON begin with, in its order."""
_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)


class ReportNotSafe(PlatformError):
    """A page that cannot be made harmless, and so is not written."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"the drift report was not written: {problem}. Values of the data could run as script in it. "
            "Install the version of Evidently that requirements.lock names."
        )


def harden(page: str) -> str:
    """Return the page with its data escaped and a policy that allows its own scripts by their hashes.

    Raises
    ------
    ReportNotSafe
        Where the page is not built as expected.
    """
    escaped = _escaped(page)
    scripts = _SCRIPT.findall(escaped)
    if not scripts or any(attributes.strip() for attributes, _ in scripts):
        raise ReportNotSafe("it has no script, or one that is loaded from elsewhere")
    hashes = " ".join(f"'sha256-{_sha256(text)}'" for _, text in scripts)
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return with_policy(escaped, policy)


def with_hashes_of(page: str, before: str) -> str:
    """Return a page whose scripts differ on purpose from what they were before, and are allowed as they are now."""
    for (_, old), (_, new) in zip(_SCRIPT.findall(before), _SCRIPT.findall(page), strict=True):
        page = page.replace(f"'sha256-{_sha256(old)}'", f"'sha256-{_sha256(new)}'")
    return page


def _escaped(page: str) -> str:
    """Return the page with each JSON value escaped from its first to its last character."""
    parts, at = [], 0
    for prefix in _VALUES:
        match = re.compile(rf"var {prefix}metric_[0-9a-f]{{32}} = ").search(page, at)
        if match is None:
            raise ReportNotSafe("its data are not where they are expected")
        try:
            _, end = json.JSONDecoder().raw_decode(page, match.end())
        except ValueError:
            raise ReportNotSafe("its data are not JSON") from None
        parts += [page[at : match.end()], page[match.end() : end].translate(_ESCAPES)]
        at = end
    return "".join([*parts, page[at:]])


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.replace("\r\n", "\n").encode()).digest()).decode()
