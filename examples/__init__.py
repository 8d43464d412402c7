"""Example projects, carried by the wheel."""
