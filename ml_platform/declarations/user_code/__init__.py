"""A project's own Python: found, read without running it, imported under private names, versioned."""
