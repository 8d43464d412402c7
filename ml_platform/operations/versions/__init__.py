"""Versions that wait for a person, or were not deployed: what is said of them."""
