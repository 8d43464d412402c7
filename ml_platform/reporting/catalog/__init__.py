"""The catalog: facts about every source, feature and model."""

__all__ = [
    "facts",
    "feature_facts",
    "feature_tables",
    "models",
    "node_facts",
    "project_facts",
    "source_facts",
    "sources",
]
