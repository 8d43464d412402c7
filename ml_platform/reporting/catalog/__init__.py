"""The catalog: facts about every source, feature and model, and a static site that shows them."""

__all__ = ["facts", "feature_facts", "feature_tables", "node_facts", "project_facts", "site", "source_facts", "sources"]
