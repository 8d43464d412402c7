"""Checks of all declarations against each other."""
