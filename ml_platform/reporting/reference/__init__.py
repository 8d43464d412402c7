"""The reference of an installation, as Markdown: written from the declarations, the command line and the registries."""

__all__ = ["pages"]
