"""YAML files as trees of nodes with places, and faults with their places."""

__all__ = ["document", "pydantic_errors"]
