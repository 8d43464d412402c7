"""The command line: `ml-platform COMMAND`."""

from __future__ import annotations

import sys
from typing import NoReturn

from ml_platform.cli import (  # noqa: F401  (they give the app its commands)
    commands_audit,
    commands_experiments,
    commands_project,
    commands_status,
)
from ml_platform.cli.app import app
from ml_platform.cli.exit import collect_seldom, fault_of, leave
from ml_platform.cli.json_output import error_document, print_json
from ml_platform.cli.streams import print_anywhere
from ml_platform.core.private_files import be_private
from ml_platform.core.secrets import keep_secrets
from ml_platform.core.terminal_text import print_safely, printable


def main() -> NoReturn:
    """Run the command line; a user's mistake is one clear message and exit code 1, never a traceback."""
    print_anywhere()
    be_private()
    keep_secrets()
    print_safely()
    try:
        app()
    except Exception as error:
        fault = fault_of(error)
        if fault is None:
            raise
        print(printable(fault), file=sys.stderr)
        if "--json" in sys.argv:
            print_json(error_document(error, fault))
        sys.exit(1)
    sys.exit(0)


def program() -> NoReturn:
    """Be the program `ml-platform`, whose process ends with its command."""
    collect_seldom()
    try:
        main()
    except SystemExit as ended:
        leave(int(ended.code or 0))
