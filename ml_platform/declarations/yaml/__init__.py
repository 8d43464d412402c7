"""YAML files as trees of nodes with places, and faults that say where they stand."""

__all__ = ["document", "pydantic_errors"]
