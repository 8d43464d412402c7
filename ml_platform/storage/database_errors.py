"""What is wrong with a database, in one sentence: unreachable, locked, read-only, damaged, or without its driver."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ml_platform.core.errors import PlatformError

_REMEDIES = (
    ("database is locked", "Another process holds it. End that process, or wait for it, and try again."),
    ("readonly database", "Give this user the right to write the file and its folder."),
    ("unable to open database file", "Check that the folder exists and that this user may write it."),
    ("disk is full", "Make room on the disk and try again."),
    ("not a database", "The file is damaged or is no SQLite database. Restore it from a copy."),
    ("malformed", "The file is damaged. Restore it from a copy."),
    ("disk i/o error", "Make room if the disk is full. Else check the disk, and restore the file."),
    ("password", "Check user and password in the address."),
    ("does not exist", "Create the database, or correct its name in the address."),
)
_UNREACHABLE = "Check that the server runs and that the address is right."


class DatabaseUnavailable(PlatformError):
    """A database cannot be used. `address` never holds its password."""

    def __init__(self, address: str, problem: str, remedy: str) -> None:
        self.address, self.problem, self.remedy = address, problem, remedy
        super().__init__(f"database {address}: {problem.rstrip('.')}. {remedy}")


def open_engine(url: str, declared_at: str, patience_seconds: float | None = None) -> sa.Engine:
    """Return SQLAlchemy's engine for an address; no connection is made yet.

    Parameters
    ----------
    declared_at
        Where the address is declared, for the message.
    patience_seconds
        How long a server may take to accept a connection, where the address has no ``connect_timeout``; by default
        as long as its driver waits.

    Raises
    ------
    DatabaseUnavailable
        Where the address cannot be parsed, or its driver is not installed. Errors of later connections are of this
        class too.
    """
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:  # the text may hold a password, so it is not repeated
        raise DatabaseUnavailable(
            f"of {declared_at}", "its address cannot be parsed", "Write it as postgresql+psycopg://USER@HOST:5432/NAME."
        ) from error
    address = parsed.render_as_string(hide_password=True)
    try:
        is_limited = parsed.get_backend_name() != "sqlite" and "connect_timeout" not in parsed.query
        limits = {"connect_timeout": max(1, round(patience_seconds))} if patience_seconds and is_limited else {}
        engine = sa.create_engine(parsed, connect_args=limits)
    except (sa.exc.NoSuchModuleError, ImportError) as error:
        raise DatabaseUnavailable(address, f"its driver is not installed ({error})", _driver(parsed)) from error
    except (sa.exc.ArgumentError, TypeError, ValueError) as error:
        raise DatabaseUnavailable(address, _first_line(error), f"Correct {declared_at}.") from error
    _explain_errors(engine, address)
    return engine


def _driver(url: sa.URL) -> str:
    if url.get_backend_name() == "postgresql":
        return "Install it: pip install 'ml-platform[postgres]', and write the address as postgresql+psycopg://..."
    return "Use sqlite:///FILE or postgresql+psycopg://USER@HOST:5432/NAME."


def _explain_errors(engine: sa.Engine, address: str) -> None:
    """Turn what a driver raises about the database itself into `DatabaseUnavailable`."""

    @sa.event.listens_for(engine, "handle_error")
    def explain(context: Any) -> None:
        error = context.sqlalchemy_exception
        if is_unavailable(error):
            raise unavailable(address, context.original_exception) from error


def is_unavailable(error: BaseException | None) -> bool:
    """Return whether SQLAlchemy raised an error because of the database itself, and not because of a statement."""
    return isinstance(error, sa.exc.OperationalError) or type(error) is sa.exc.DatabaseError


def unavailable(address: str, error: BaseException) -> DatabaseUnavailable:
    """Return the error of a database that cannot be used.

    Parameters
    ----------
    address
        Without its password.
    error
        What its driver raised.
    """
    problem = _first_line(error)
    return DatabaseUnavailable(address, problem, _remedy(problem))


def of_earlier_version(address: str, table: str, column: str) -> DatabaseUnavailable:
    """Return the error of a database whose tables have other columns; `address` is without its password."""
    return DatabaseUnavailable(
        address,
        f"another version of ml_platform made it: its table {table} has no column {column}",
        "Use that version, or name a new folder in storage.state (and another database in storage.database, where it "
        "is declared), and run: ml-platform run.",
    )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _remedy(problem: str) -> str:
    lowered = problem.lower()
    return next((remedy for sign, remedy in _REMEDIES if sign in lowered), _UNREACHABLE)
