"""One file for each reader: its declaration, what the platform must know about it, and how it reads.

A new reader is a new file here, and nothing else: `ml_platform.declarations.reader` finds it. An installed package adds
one by an entry point of the group ``ml_platform.readers``.
"""

__all__ = ()
