"""The command that writes the catalog."""

from __future__ import annotations

from pathlib import Path

from ml_platform.cli.json_output import print_json
from ml_platform.project import open_project
from ml_platform.reporting.catalog.facts import CatalogFacts


def make_catalog(directory: Path, to: Path | None, as_json: bool) -> None:
    """Write the catalog of a project and say where to open it."""
    from ml_platform.reporting.catalog.project_facts import catalog_facts
    from ml_platform.reporting.catalog.site import FACTS, require_own, write_catalog

    project = open_project(directory)
    folder = to or project.state / "catalog"
    require_own(folder.resolve())
    facts = catalog_facts(project, project.clock.now())
    page = write_catalog(facts, folder)
    counts = _counts(facts)
    if as_json:
        places = {"page": str(page), "facts": str(page.parent / FACTS)}
        print_json({"project": facts.project, **places, **counts})
        return
    contents = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    print(f"The catalog of {facts.project} lists {contents}. Open {page.as_uri()}")


def _counts(facts: CatalogFacts) -> dict[str, int]:
    return {
        "sources": len(facts.sources),
        "feature_tables": len(facts.feature_tables),
        "features": sum(len(table.columns) for table in facts.feature_tables),
        "models": len(facts.models),
    }
