"""Declarations: YAML to frozen, checked specs."""
