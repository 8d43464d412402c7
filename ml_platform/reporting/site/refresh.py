"""Writing the site of a project in its place."""

from __future__ import annotations

from pathlib import Path

from ml_platform.project import Project
from ml_platform.reporting.site.facts import SiteFacts, site_facts
from ml_platform.reporting.site.recorded import recorded_state, site_folder
from ml_platform.reporting.site.site import require_written_by_site, write_site


def refresh_site(project: Project, folder: Path | None = None) -> tuple[SiteFacts, Path]:
    """Write the site of a project, and return what it shows and its first page.

    Parameters
    ----------
    folder
        Another one than the project's own.

    Raises
    ------
    NotASite, SiteNotWritten
    """
    place = folder or site_folder(project)
    require_written_by_site(place.resolve())  # before anything is computed
    state = recorded_state(project)  # before the facts: what is recorded meanwhile is written the next time
    facts = site_facts(project, project.clock.now())
    return facts, write_site(facts, place, state)
