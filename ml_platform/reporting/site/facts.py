"""What the site shows: the catalog of a project, and a card for each model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ml_platform.project import Project
from ml_platform.reporting.card.model_card import ModelCard, model_card
from ml_platform.reporting.catalog.facts import CatalogFacts
from ml_platform.reporting.catalog.models import model_facts
from ml_platform.reporting.catalog.project_facts import catalog_facts
from ml_platform.reporting.overview.attention import Attention, Health, by_cause
from ml_platform.reporting.overview.model_overview import model_overview, project_overview

_ORDER: Mapping[Health, int] = {"needs a person": 0, "worth a look": 1, "healthy": 2}


@dataclass(frozen=True)
class SiteFacts:
    """A project at an instant.

    Attributes
    ----------
    cards
        By the name of the model.
    """

    catalog: CatalogFacts
    cards: Mapping[str, ModelCard]

    @property
    def ranked(self) -> tuple[ModelCard, ...]:
        """The cards: those that need a person first, then by what the model earned."""
        return tuple(sorted(self.cards.values(), key=_rank))

    @property
    def urgent(self) -> tuple[tuple[list[str], Attention], ...]:
        """What needs a person, each once, with the names of its models."""
        points = ((card.overview.name, item) for card in self.ranked for item in card.overview.attention)
        causes = by_cause((name, item) for name, item in points if item.urgent)
        return tuple((names, item) for item, names in causes.items())


def site_facts(project: Project, now: datetime) -> SiteFacts:
    """Return what the site of a project shows at an instant."""
    cards = {item.name: model_card(project, item) for item in project_overview(project, now)}
    return SiteFacts(catalog_facts(project, now), cards)


def card_facts(project: Project, now: datetime, model: str, number: int | None = None) -> SiteFacts:
    """Return what the page of one model shows, without the other pages.

    Parameters
    ----------
    number
        Of a version; None for the live one.
    """
    file = project.spec.file
    card = model_card(project, model_overview(project, model, now), number)
    models = (model_facts(project, model, now),)
    catalog = CatalogFacts(project.spec.name, file.description, file.owner, file.currency, now, (), (), models)
    return SiteFacts(catalog, {model: card})


def _rank(card: ModelCard) -> tuple[int, float, str]:
    overview = card.overview
    return _ORDER[overview.health], -(overview.worth.gain if overview.worth else 0.0), overview.name
