"""What every online store offers: views that never change while they are read, and one step that replaces content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from ml_platform.storage.online.description import Description
from ml_platform.storage.online.layout import Buffer


class Change(NamedTuple):
    """Records to write, and the keys of records to remove."""

    writes: Sequence[tuple[bytes, bytes]] = ()
    removals: Sequence[bytes] = ()


class View(Protocol):
    """The content of a store at one generation; it ends with its block, and buffers that it gave with it.

    Attributes
    ----------
    description
        Of this content.
    """

    description: Description

    def get(self, keys: Sequence[bytes]) -> list[Buffer | None]:
        """Return the record of each key, or None."""
        ...

    def keys(self, prefix: bytes) -> Iterator[bytes]:
        """Yield the key of every record that begins with `prefix`."""
        ...


class OnlineStore(Protocol):
    """Records by key, and one description of all of them.

    A process that publishes holds the project's lock for it: there is one publisher at a time.
    """

    def view(self) -> AbstractContextManager[View]:
        """Return a view of what was published last.

        Raises
        ------
        OnlineStoreUnavailable
        """
        ...

    def publish(self, changes: Iterable[Change], description: Description) -> None:
        """Change records and replace the description in one atomic step.

        A view that was opened before shows the former content, and one that is opened later shows the new one. Where
        the process is killed, the former content stays whole.

        Parameters
        ----------
        changes
            Read from its beginning again where the store needs it.
        description
            With a generation that is greater than the one before.

        Raises
        ------
        OnlineStoreUnavailable
        """
        ...

    def purge(self) -> None:
        """Remove from the disk or the server what removed and replaced records left there.

        The caller holds the lock of publishers.

        Raises
        ------
        OnlineStoreUnavailable
        """
        ...

    def close(self) -> None:
        """Give back what the store holds in this process."""
        ...
