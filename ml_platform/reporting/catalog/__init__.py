"""The catalogue: facts about every source, feature and model, and a static site that shows them."""

__all__ = ["facts", "feature_tables", "project_facts", "site", "sources"]
