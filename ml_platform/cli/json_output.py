"""What commands print for a machine with ``--json``: one object, which names the version of its format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ml_platform.core.errors import DeclarationError, PlatformError, code_of

FORMAT_VERSION = 1
"""The format of all documents. It is raised where a field is removed, renamed or changes its meaning."""


def print_json(body: Mapping[str, Any], *, one_line: bool = False) -> None:
    """Print a document on stdout, its format version first.

    Parameters
    ----------
    one_line
        Print it on one line, as where a command prints many documents.
    """
    document = {"format_version": FORMAT_VERSION, **body}
    print(json.dumps(document, indent=None if one_line else 2, ensure_ascii=False, default=str))


def error_document(error: Exception, message: str) -> Mapping[str, Any]:
    """Return the document about an error that ended a command: its code, and what is wrong and what to do."""
    code = code_of(type(error)).code if isinstance(error, PlatformError) else None
    faults = [vars(fault) for fault in error.faults] if isinstance(error, DeclarationError) else []
    return {"error": {"code": code, "message": message, "faults": faults}}
