"""Taking new connections: many in one round of the loop.

uvloop takes one connection of a socket a round. While a worker has more to do than it can, a round lasts a tenth of a
second and longer, so the last of 1,000 new connections would wait for minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket

import uvicorn

from ml_platform.serving.metrics import log_line

AT_ONCE = 256
"""Connections that one round of the loop takes. The others wait in the system's queue."""
_PAUSE_SECONDS = 0.5
_NO_MORE_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class WorkerServer(uvicorn.Server):
    """Uvicorn's server, on a socket that this process may share with others.

    Parameters
    ----------
    listening
        It listens already.
    """

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(config)
        self._listening = listening
        self._opening: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections, once the application has started."""
        await super().startup(sockets=[])  # so uvicorn itself listens nowhere
        self._listening.setblocking(False)
        self._accept_more()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and finish what has begun."""
        asyncio.get_running_loop().remove_reader(self._listening)
        self._listening.close()
        if self._opening:
            await asyncio.wait(self._opening)  # so that uvicorn closes them with the others
        await super().shutdown(sockets=[])

    def _accept_more(self) -> None:
        if self._listening.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        """Take the connections that wait, up to so many."""
        for _ in range(AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError):  # none waits, or another worker was faster
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                return self._pause(error)
            self._open(connection)

    def _pause(self, error: OSError) -> None:
        """Take no connection for a while: the system has no room for one."""
        if error.errno not in _NO_MORE_FILES:
            raise error
        log_line("no_more_connections", error=error.strerror)
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listening)
        loop.call_later(_PAUSE_SECONDS, self._accept_more)

    def _open(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        task = asyncio.get_running_loop().create_task(self._begin(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _begin(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client has left already
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        make = self.config.http_protocol_class
        return make(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
