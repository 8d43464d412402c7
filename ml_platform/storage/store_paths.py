"""What a store calls its files: any other file below its root is somebody else's."""

from __future__ import annotations

import re

_ASIDE = r"aside/[0-9]{8}T[0-9]{12}Z/"
_PLATFORM_FILES = re.compile(
    rf"(?:{_ASIDE})?(?:objects/[0-9a-f]{{2}}/[0-9a-f]{{64}}|manifests/[^/]+/[^/.][^/]*\.json|keys/[^/]+/[^/.][^/]*)"
    r"|anchors/ledger/[0-9]{9}\.json"
)


def is_store_path(path: str) -> bool:
    """Return whether a path below a store's root has the form of those that the store writes.

    >>> is_store_path("manifests/snapshot/ab12.json"), is_store_path("tmp/rows.csv"), is_store_path("aside/.DS_Store")
    (True, False, False)
    """
    return _PLATFORM_FILES.fullmatch(path) is not None
