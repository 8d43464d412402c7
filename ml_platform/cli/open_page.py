"""`ml-platform open`: a page in the browser, or its address."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_platform.cli.arguments import UsageError
from ml_platform.cli.json_output import print_json
from ml_platform.cli.served_addresses import served_addresses
from ml_platform.project import Project, open_project
from ml_platform.reporting.mlflow.page_links import first_page

_FIRST = "index.html"
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


@dataclass(frozen=True)
class Place:
    """An address, and whether `ml-platform up` serves it."""

    address: str
    served: bool


def open_page(directory: Path, model: str | None, what: str, print_only: bool, as_json: bool) -> None:
    """Open the page of a model or of the whole project in the browser, and print its address.

    Raises
    ------
    UnknownModel, UsageError
    """
    project = open_project(directory)
    if model is not None:
        project.require_model(model)
    place = find_place(project, model, what, served_addresses(project))
    opened = not (print_only or as_json) and has_browser(sys.platform, os.environ) and webbrowser.open(place.address)
    if as_json:
        print_json({"address": place.address, "served": place.served})
    else:
        print(place.address)
        if not (print_only or opened):
            print("No browser was found here: open the address yourself.", file=sys.stderr)


def has_browser(platform: str, environment: Mapping[str, str]) -> bool:
    """Return whether a person would see a browser: on Linux it needs a display, or the command of ``BROWSER``."""
    return not platform.startswith("linux") or any(environment.get(name) for name in _DISPLAYS)


def find_place(project: Project, model: str | None, what: str, served: Mapping[str, str] | None) -> Place:
    """Return where a page is: on the servers of `up` where they run, else the file of the site.

    The site is rewritten where it is out of date.

    Raises
    ------
    UsageError
        Where Dagster or MLflow is asked for, and nothing serves them.
    """
    if what == "page":
        return _page(project, model, served)
    if served is None:
        raise UsageError(f"nothing serves {what} for {project.spec.name} now. Start it with `ml-platform up`.")
    if what == "dagster" and model is not None:
        return Place(f"{served['dagster']}/assets/{model}", served=True)
    return Place(first_page(served[what]) if what == "mlflow" else served[what], served=True)


def _page(project: Project, model: str | None, served: Mapping[str, str] | None) -> Place:
    from ml_platform.reporting.site.recorded import is_current, site_folder
    from ml_platform.reporting.site.refresh import refresh_site

    inside = _FIRST if model is None else f"models/{model}.html"
    if not is_current(project):
        refresh_site(project)
    if served is not None:
        return Place(served["pages"].removesuffix(_FIRST) + inside, served=True)
    return Place((site_folder(project) / inside).resolve().as_uri(), served=False)
