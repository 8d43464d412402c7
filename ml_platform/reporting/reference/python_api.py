"""What a notebook imports from ``ml_platform``, from the docstrings."""

from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import Any

from ml_platform.reporting.reference.markdown import Page, prose, table

_HEADING = re.compile(r"^(Parameters|Returns|Raises|Examples|Attributes)\n-+\n", re.MULTILINE)
_ITEM = re.compile(r"^(\S.*)\n((?:    .*\n?|\n)+)", re.MULTILINE)


def python_page(library: ModuleType) -> Page:
    """Return the page of the public names of the library."""
    names = sorted(library.__all__)
    return Page(
        "python",
        "Python API",
        "What `import ml_platform` offers in a notebook. A project is named by its folder, or is an opened one.",
        tuple(_section(name, getattr(library, name)) for name in names),
    )


def public_members(thing: object) -> dict[str, Any]:
    """Return the public methods and properties that a class itself defines, by name; nothing else has any."""
    members = vars(thing).items() if inspect.isclass(thing) else ()
    is_method = (inspect.isfunction, lambda member: isinstance(member, property))
    return {name: item for name, item in members if name[0] != "_" and any(test(item) for test in is_method)}


def _section(name: str, thing: Any) -> str:
    members = [_described(f"### {name}.{member}", member, item) for member, item in public_members(thing).items()]
    return "\n\n".join([_described(f"## {name}", name, thing), *members])


def _described(heading: str, name: str, thing: Any) -> str:
    first, *rest = _HEADING.split((inspect.getdoc(thing) or "") + "\n")
    parts = [heading, f"```text\n{name}{_signature(thing)}\n```", prose(first)]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        parts += [f"**{title}**", _body(title, body)]
    return "\n\n".join(parts)


def _signature(thing: Any) -> str:
    if not inspect.isfunction(thing):
        return ""
    signature = inspect.signature(thing)
    shown = [parameter for name, parameter in signature.parameters.items() if name != "self"]
    return str(signature.replace(parameters=shown)).replace("'", "")


def _body(title: str, body: str) -> str:
    if title == "Examples":
        return f"```pycon\n{body.strip()}\n```"
    if title in ("Parameters", "Attributes"):
        rows = [(f"`{name}`", prose(inspect.cleandoc(text))) for name, text in _ITEM.findall(body)]
        return table(["name", "meaning"], rows)
    return prose(body)
