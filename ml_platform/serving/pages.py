"""Pages for people: a list of the models, and one page for each, where a prediction is tried and explained.

They are files without any data. Their script asks the service as every client does, with the token that a person types.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from ml_platform.serving.problems import RequestProblem

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Scripts come from files beside the page alone, and the page sends requests to no other service."""
PAGE = "try.html"
_TYPES: Mapping[str, bytes] = {
    "try.html": b"text/html; charset=utf-8",
    "try.css": b"text/css; charset=utf-8",
    "try.js": b"text/javascript; charset=utf-8",
}


@cache
def page_file(name: str) -> tuple[bytes, bytes]:
    """Return a file's bytes and its media type.

    Raises
    ------
    RequestProblem
    """
    if name not in _TYPES:
        raise RequestProblem(404, "unknown_path", "there is no such file.")
    return (resources.files("ml_platform.serving") / "static" / name).read_bytes(), _TYPES[name]
