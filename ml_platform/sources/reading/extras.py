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
        Where it is not installed, or not whole, with the command that installs it.
    """
    package = module.partition(".")[0]
    try:
        import_module(package)
        return import_module(module)
    except ImportError as error:
        is_absent = isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == package
        problem = f"{what} {'is not installed' if is_absent else f'cannot be imported ({error})'}"
        remedy = f"Install it with: pip install 'ml-platform[{extra}]'."
        raise SourceError(source, f"reader.{extra}", problem, remedy) from None
