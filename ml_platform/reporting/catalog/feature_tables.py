"""What the catalog shows of a feature table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ml_platform.core.errors import PlatformError
from ml_platform.core.formatting import span_text
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.lineage import feature_lineage
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.resolve import feature_type
from ml_platform.project import Project
from ml_platform.reporting.catalog.artifact_status import checks_of, current_artifact, declaration_of, stored_state
from ml_platform.reporting.catalog.data_age import table_availability
from ml_platform.reporting.catalog.feature_facts import FeatureColumn, FeatureTableFacts, Importance
from ml_platform.reporting.catalog.node_facts import Link
from ml_platform.reporting.catalog.profiles import TableProfile, table_profile
from ml_platform.reporting.catalog.usage import feature_origins, key_origins, link_of, reference_origin, users_of
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest
from ml_platform.storage.manifest import Artifact

Importances = Mapping[str, Mapping[str, float]]
"""For each model what its trained model makes of each column of its matrix."""


def feature_table_facts(
    project: Project, name: str, now: datetime, importances: Importances, artifact: Artifact | None = None
) -> FeatureTableFacts:
    """Return what the catalog shows of a feature table at an instant.

    Parameters
    ----------
    importances
        Where a model has none, the catalog only shows that it uses a column.
    artifact
        Its values; what was made last by default.
    """
    spec, node = project.spec.feature_tables[name], NodeName("feature_table", name)
    problem = ""
    if artifact is None:
        artifact, problem = current_artifact(project, node, "feature_table")
    profile, unread = _profile(project, artifact)
    age = table_availability(project, name, artifact)
    return FeatureTableFacts(
        name=name,
        description=spec.description,
        owner=spec.owner,
        declared=declaration_of(project, node),
        entity=spec.entity,
        keys=project.spec.file.entities[spec.entity],
        source=spec.source,
        where=spec.where or "",
        refresh=span_text(spec.refresh),
        publish_delay=span_text(spec.publish_delay),
        availability=age.sentence,
        up_to=age.up_to if age.parts else "",
        stored=stored_state(project, node, artifact, _newest(artifact, now), problem or unread),
        sampled=profile.rows,
        columns=_columns(project, name, profile, importances),
        checks=checks_of(project, node, spec.expectations),
        used_by=users_of(project.spec, Link("features", name)),
    )


def _profile(project: Project, artifact: Artifact | None) -> tuple[TableProfile, str]:
    nothing = TableProfile(0, {}, {})
    try:
        return (table_profile(project, artifact) if artifact else nothing), ""
    except PlatformError as error:
        return nothing, str(error)


def _newest(artifact: Artifact | None, now: datetime) -> str | None:
    """Return the newest tick at which rows came in; the one to come where they came in since the last."""
    newest = FeatureTableManifest.of(artifact).newest if artifact else None
    return min(newest, format_instant(now)) if newest else None


def _columns(project: Project, name: str, profile: TableProfile, importances: Importances) -> tuple[FeatureColumn, ...]:
    spec = project.spec.feature_tables[name]
    lineage = feature_lineage(project.spec, spec)
    users = _users(project, name, importances)
    facts = []
    for column, (feature_name, window) in spec.columns.items():
        feature = spec.features[feature_name]
        facts.append(
            FeatureColumn(
                name=column,
                formula=feature.formula,
                where=feature.where or "",
                window=window.label if window else "",
                type=feature_type(project.spec, f"{name}.{column}"),
                unit=feature.value_unit,
                description=feature.description,
                made_from=tuple(link_of(*pair) for pair in lineage[column]),
                null_share=profile.null_shares.get(column),
                distribution=profile.distributions.get(column),
                used_by=users[column],
            )
        )
    return tuple(facts)


def _users(project: Project, table: str, importances: Importances) -> dict[str, tuple[Importance, ...]]:
    """Return the models that use each column of a feature table."""
    by_column: dict[str, list[Importance]] = {column: [] for column in project.spec.feature_tables[table].columns}
    for model, spec in project.spec.models.items():
        shares = importances.get(model, {})
        for dotted, link in feature_origins(project.spec, spec).items():
            if (link.kind, link.name) == ("features", table):
                by_column[link.column].append(_importance(model, table, shares, dotted))
        for reference in spec.population.references:
            link = reference_origin(project.spec, spec, reference)
            if (link.kind, link.name) == ("features", table):
                by_column[link.column].append(Importance(model, "decides the population"))
        for alias, links in key_origins(project.spec, spec).items():
            for link in links:
                if (link.kind, link.name) == (
                    "features",
                    table,
                ) and link.column in by_column:  # else the key of its entity
                    by_column[link.column].append(Importance(model, f"as a key of {alias}"))
    return {column: tuple(users) for column, users in by_column.items()}


def _importance(model: str, table: str, shares: Mapping[str, float], dotted: str) -> Importance:
    role = "" if dotted.partition(".")[0] == table else f"as {dotted}"
    if dotted not in shares:
        return Importance(model, role)
    return Importance(
        model, role, shares[dotted], 1 + sum(share > shares[dotted] for share in shares.values()), len(shares)
    )
