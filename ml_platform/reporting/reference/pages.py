"""All pages of the reference, and writing them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from ml_platform.core.private_files import shared_as_wanted
from ml_platform.reporting.reference.commands import commands_page
from ml_platform.reporting.reference.errors import errors_page
from ml_platform.reporting.reference.figures import figures_page
from ml_platform.reporting.reference.markdown import Page
from ml_platform.reporting.reference.python_api import python_page
from ml_platform.reporting.reference.variants import variant_pages
from ml_platform.reporting.reference.yaml_files import yaml_pages


def reference_pages(program: Any, library: ModuleType) -> list[Page]:
    """Return every page, in the order of their list.

    Parameters
    ----------
    program
        The group of commands of the command line.
    library
        The package that a notebook imports.
    """
    return [
        *yaml_pages(),
        *variant_pages(),
        figures_page(),
        commands_page(program),
        errors_page(),
        python_page(library),
    ]


def write_reference(folder: Path, program: Any, library: ModuleType) -> list[Path]:
    """Write every page, and a first page that lists them. Return the files."""
    pages = reference_pages(program, library)
    lines = [f"- [{page.title}]({page.name}.md): {page.summary}" for page in pages]
    index = Page(
        "index", "Reference", "Every page here is written from the code of this installation.", ("\n".join(lines),)
    )
    with shared_as_wanted():
        folder.mkdir(parents=True, exist_ok=True)
        written = [folder / f"{page.name}.md" for page in (index, *pages)]
        for path, page in zip(written, (index, *pages), strict=True):
            path.write_text(page.text, encoding="utf-8")
    return written
