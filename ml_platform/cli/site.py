"""The commands that write pages: the site of a project, and one model's page as a file."""

from __future__ import annotations

from pathlib import Path

from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import NoSuchVersion
from ml_platform.core.formatting import counted
from ml_platform.project import Project, open_project


def make_site(directory: Path, to: Path | None, as_json: bool) -> None:
    """Write the site of a project and print where to open it."""
    from ml_platform.reporting.site.refresh import refresh_site
    from ml_platform.reporting.site.site import FACTS

    facts, page = refresh_site(open_project(directory), to)
    counts = {
        "sources": len(facts.catalog.sources),
        "feature_tables": len(facts.catalog.feature_tables),
        "features": sum(len(table.columns) for table in facts.catalog.feature_tables),
        "models": len(facts.catalog.models),
    }
    if as_json:
        places = {"page": str(page), "facts": str(page.parent / FACTS)}
        print_json({"project": facts.catalog.project, **places, **counts})
        return
    contents = ", ".join(counted(count, name.replace("_", " ").removesuffix("s")) for name, count in counts.items())
    print(f"The site of {facts.catalog.project} has {contents}. Open {page.as_uri()}")


def make_card(directory: Path, name: str, to: Path | None, as_json: bool) -> None:
    """Write the page of one model, or of one of its versions, and print where to open it."""
    from ml_platform.core.page_file import write_page_file
    from ml_platform.reporting.site.facts import card_facts
    from ml_platform.reporting.site.pages import card_page

    project = open_project(directory)
    model, number = _named(project, name)
    facts = card_facts(project, project.clock.now(), model, number)
    page = write_page_file(card_page(facts, model), to or Path(f"card-{name}.html"))
    overview = facts.cards[model].overview
    if as_json:
        version = facts.cards[model].version
        card = {"model": model, "version": version.number if version else None, "page": str(page)}
        print_json({**card, "health": overview.health, "worth": overview.worth_text})
        return
    print(f"{model}: {overview.worth_text} Open {page.as_uri()}")


def _named(project: Project, name: str) -> tuple[str, int | None]:
    """Return the model, and the number of the version where one is named."""
    from ml_platform.registry.resolve import version_named

    model, at, _ = name.partition("@")
    project.require_model(model)
    if not at:
        return model, None
    version = version_named(project, name)
    if version.registered_at > project.clock.now():
        raise NoSuchVersion(name, "it was registered after the project's clock. Advance the clock.")
    return model, version.number
