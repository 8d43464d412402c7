"""The picture of what a model's predictions earned, day by day."""

from dataclasses import asdict

from ml_platform.core.errors import ArtifactDamaged
from ml_platform.project import Project
from ml_platform.reporting.overview.worth import worth_by_day
from ml_platform.reporting.plots.small_pictures import small_worth_picture
from ml_platform.storage.manifest import Artifact
from ml_platform_dagster.assets.plots import draw_with, in_place

_DAYS = 90


def worth_picture(project: Project, model: str, unit: str, beside: Artifact) -> list[str]:
    """Return the picture as Markdown; nothing before two days are settled, or where a past monitoring is damaged.

    Parameters
    ----------
    beside
        The artifact with which the picture is kept, and removed.
    """
    try:
        days = worth_by_day(project, model, _DAYS)
    except ArtifactDamaged:  # ml-platform verify names it; a picture stops no deployment
        return []
    if len(days) < 2:
        return []

    def draw() -> dict[str, bytes]:
        return {"realized_gain": small_worth_picture(days, unit)}

    return in_place(draw_with(project, beside, "small_worth_picture", [asdict(day) for day in days], draw))
