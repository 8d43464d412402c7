"""What the modules that run as ``python -m`` share: the project's folder as an argument, and how each ends."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from ml_platform.cli.exit import INTERRUPTED, fault_of
from ml_platform.core.private_files import be_private
from ml_platform.core.secrets import keep_secrets
from ml_platform.project import Project, open_project


def parser_of(module: str, description: str) -> argparse.ArgumentParser:
    """Return a parser that knows ``--project``, for ``python -m ml_platform_dagster.jobs.MODULE``."""
    parser = argparse.ArgumentParser(prog=f"python -m ml_platform_dagster.jobs.{module}", description=description)
    parser.add_argument("--project", type=Path, default=Path(), help="the project's folder")
    return parser


def run_command(directory: Path, work: Callable[[Project], int]) -> int:
    """Open a project, work on it, and return the exit code of the process.

    A fault that is not the program's own is one sentence on stderr and exit code 1; Ctrl-C is exit code 130.

    Parameters
    ----------
    work
        Returns the exit code where it comes to its end.
    """
    be_private()
    keep_secrets()
    try:
        return work(open_project(directory))
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        fault = fault_of(error)
        if fault is None:
            raise
        print(fault, file=sys.stderr)
        return 1
