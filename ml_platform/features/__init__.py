"""Ingest, feature tables, and values as they were known."""
