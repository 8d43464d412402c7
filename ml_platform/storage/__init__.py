"""Objects, manifests, refs, and the records of what was made."""
