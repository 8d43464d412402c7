"""Security headers: what a browser may do with the pages of a guarded server.

Sources: Content Security Policy Level 3 (W3C); the OWASP cheat sheets on HTTP headers and on clickjacking.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

UI_POLICY = (
    "frame-ancestors 'none'; form-action 'self'; img-src 'self' data: blob:; connect-src 'self'; object-src 'none'"
)
"""Sent beside Dagster's own policy, and a browser enforces both: no framing, no form posts, no remote images."""

MLFLOW_POLICY = (
    "frame-ancestors 'self'; form-action 'self'; img-src 'self' data: blob:; connect-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'"
)
"""MLflow shows its own pages in frames. Nothing is loaded from, or sent to, another host."""

PAGE_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""For pages beside the UI. They have its origin, where a script could launch runs: no script runs in them."""

SERVED_SITE_POLICY = PAGE_POLICY.replace("form-action 'none'", "form-action 'self'")
"""For the site as it is served: without a script too, and its search is a form that the server answers."""

SANDBOX_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""For self-contained reports: their scripts run in an origin of their own, without cookies or network."""

COMMON_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

EXPLANATION_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
)
"""For a page that was written without any script."""

SITE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'"
)
"""For the site, whose search box is a script of its own in a file beside the pages, or a form where it is served."""


def with_policy(page: str, policy: str) -> str:
    """Return an HTML page that carries a policy, so that it holds wherever the file is opened.

    The policy is placed before every script: a browser applies it to what follows. Only the encoding is placed before
    the policy: a browser looks for the encoding in the first kilobyte.
    """
    head = re.search(r"<head[^>]*>(\s*<meta charset=[^>]*>)?", page)
    if head is None or '"' in policy:
        raise ValueError("a policy needs a page with a head, and has no double quotes")
    return f'{page[: head.end()]}<meta http-equiv="Content-Security-Policy" content="{policy}">{page[head.end() :]}'
