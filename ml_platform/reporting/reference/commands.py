"""Every command with its arguments and options, from the command line itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from ml_platform.reporting.reference.json_documents import EXIT_CODES, OUTPUT, fields_text
from ml_platform.reporting.reference.markdown import Page, code, prose, table


def commands_page(program: Any) -> Page:
    """Return the page of commands.

    Parameters
    ----------
    program
        The group of commands, as Typer makes it.
    """
    commands = list(_commands(program, program.name))
    panels = dict.fromkeys(command.rich_help_panel for _, command in commands)
    sections = [
        f"## {panel}\n\n"
        + "\n\n".join(_section(name, command) for name, command in commands if command.rich_help_panel == panel)
        for panel in panels
    ]
    return Page(
        "commands",
        "Commands",
        "Every command with its arguments and options. `ml-platform COMMAND --help` shows the same.",
        (*sections, OUTPUT, EXIT_CODES),
    )


def _commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for word, command in group.commands.items():
        inside = f"{name} {word}"
        if hasattr(command, "commands"):
            for whole, nested in _commands(command, inside):
                nested.rich_help_panel = nested.rich_help_panel or command.rich_help_panel
                yield whole, nested
        elif not command.hidden:
            yield inside, command


def _section(name: str, command: Any) -> str:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    usage = " ".join([name, *map(_argument, arguments), "[OPTIONS]"])
    rows = [(_names(param), prose(param.help or ""), _default(param)) for param in command.params]
    text = prose(inspect.cleandoc(command.help or ""))
    fields = fields_text(name.partition(" ")[2])
    return f"### {name}\n\n```text\n{usage}\n```\n\n{text}\n\n" + "\n\n".join(
        [table(["argument or option", "meaning", "default"], rows), *([fields] if fields else [])]
    )


def _argument(param: Any) -> str:
    return param.name.upper() if param.required else f"[{param.name.upper()}]"


def _names(param: Any) -> str:
    if param.param_type_name == "argument":
        return code(param.name.upper())
    return ", ".join(code(name) for name in (*param.opts, *param.secondary_opts))


def _default(param: Any) -> str:
    if param.required:
        return "*required*"
    if isinstance(param.show_default, str):
        return param.show_default
    return "–" if param.default in (None, False, ()) else code(param.default)
