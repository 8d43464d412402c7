"""Opening a project's Dagster instance, whose storage is created, repaired and upgraded by one process at a time.

``python -m ml_platform_dagster.jobs.instance --project DIR`` makes the storage ready and ends, for processes that
Dagster's own commands start.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from ml_platform.cli.dagster_home import is_ready, lock_of, make_home, mark_ready
from ml_platform.core.errors import PlatformError
from ml_platform.project import Project
from ml_platform.storage.database_errors import DatabaseUnavailable, is_unavailable, unavailable
from ml_platform.storage.file_lock import file_lock
from ml_platform.storage.migration_heads import repair_heads
from ml_platform_dagster.jobs.command import parser_of, run_command

_DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
_MIGRATIONS = Path(dg.__file__).parent / "_core" / "storage" / "alembic"


@contextmanager
def open_instance(project: Project) -> Iterator[dg.DagsterInstance]:
    """Give the project's Dagster instance, with its storage ready.

    Two processes that create a storage at the same time leave one that neither can open, so it is created under a lock.

    Raises
    ------
    DatabaseUnavailable
        Where the storage cannot be opened, or cannot be used any more within the block, such as on a full disk.
    """
    home = make_home(project)
    with file_lock(lock_of(home)):
        for name in _DATABASES:
            repair_heads(home / name, _MIGRATIONS)
        instance = _open(home)
    with instance:
        try:
            yield instance
        except sa.exc.DBAPIError as error:
            if not is_unavailable(error):
                raise
            raise unavailable(f"of Dagster in {home}", error.orig or error) from error


def _open(home: Path) -> dg.DagsterInstance:
    was_created = (home / _DATABASES[0]).exists()
    try:
        instance = dg.DagsterInstance.from_config(str(home))
        if not is_ready(home):
            if was_created:  # by another version of Dagster, or by a process that was killed while it created it
                instance.upgrade()
            mark_ready(home)
    except PlatformError:
        raise
    except Exception as error:  # whatever the configured storage's driver raises
        lines = str(error).strip().splitlines()
        raise DatabaseUnavailable(
            f"of Dagster in {home}",
            lines[0] if lines else type(error).__name__,
            f"Check the storage in {home / 'dagster.yaml'} and that this user may write it.",
        ) from error
    return instance


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the storage ready and return the exit code."""
    options = parser_of("instance", "Prepare Dagster's storage.").parse_args(arguments)
    return run_command(options.project, _make_ready)


def _make_ready(project: Project) -> int:
    with open_instance(project):
        return 0


if __name__ == "__main__":
    sys.exit(main())
