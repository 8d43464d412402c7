"""The online store: one record for each entity, and a description of all records, read and replaced as a whole."""

__all__ = ["description", "layout", "opened", "places", "record_keys", "store"]
