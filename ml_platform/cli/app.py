"""The command line's app, and what several of its commands ask for."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

PANELS = ("Make and run a project", "Look at the state", "Try a change", "Explain, undo and audit")
"""The groups of commands in the help, from what a new user needs first."""


class _Commands(TyperGroup):
    """Commands in the order of `PANELS`, that print a message when they are stopped; Typer ends them silently."""

    def list_commands(self, ctx: Any) -> list[str]:
        commands: Any = self.commands
        return sorted(super().list_commands(ctx), key=lambda name: PANELS.index(commands[name].rich_help_panel))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    name="ml-platform",
    cls=_Commands,
    help="From one YAML file per model to a monitored model in production.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"ml-platform {version('ml-platform')}")
        raise typer.Exit


@app.callback()
def _main(
    show: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version, and end.")
    ] = False,
) -> None:
    pass


Directory = Annotated[Path, typer.Argument(help="The project's folder.", show_default="the current folder")]
OneModel = Annotated[str | None, typer.Argument(help="Only this model.", show_default="all")]
MaybeDirectory = Annotated[Path | None, typer.Argument(help="The project's folder.", show_default="the current folder")]
Opened = Literal["page", "dagster", "mlflow"]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout; progress goes to stderr.")]
HERE = Path()
Version = Annotated[str, typer.Argument(help="Such as late_arrival@3, or late_arrival@latest.")]
Reason = Annotated[str, typer.Option(help="Why. The ledger keeps it.")]
Actor = Annotated[str | None, typer.Option(help="Who decides. Default: your user name.")]
