"""Libraries that only some readers need, and that an extra of the platform installs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ml_platform.core.errors import SourceError


def import_extra(module: str, extra: str, source: str, what: str) -> Any:
    """Return a module that an extra installs.

    Parameters
    ----------
    what
        What is missing without it, such as ``the driver for PostgreSQL``.

    Raises
    ------
    SourceError
        Where it is not installed, with the command that installs it.
    """
    try:
        import_module(module.partition(".")[0])
        return import_module(module)
    except ImportError:
        remedy = f"Install it with: pip install 'ml-platform[{extra}]'."
        raise SourceError(source, f"reader.{extra}", f"{what} is not installed", remedy) from None
