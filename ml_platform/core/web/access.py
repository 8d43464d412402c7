"""Who may reach a web server: the addresses it answers to, and the token it asks for."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from ml_platform.core.errors import PlatformError

TOKEN_VARIABLE = "ML_PLATFORM_TOKEN"
"""The environment variable that holds the token where no file is named."""
HOSTS_VARIABLE = "ML_PLATFORM_WEB_HOSTS"
"""How ``up`` passes the accepted values of ``Host`` to the servers it starts, separated by commas."""
MIN_TOKEN = 16
LOOPBACK = ("127.0.0.1", "localhost")


class WeakToken(PlatformError):
    """A token that could be guessed, or that others can read."""

    def __init__(self, place: str, problem: str, remedy: str) -> None:
        super().__init__(f"{place}: {problem}. {remedy}")


class TokenNeeded(PlatformError):
    """A server that other machines reach has no token."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"--host {host} is reached from other machines, and there is no token. Write a secret of at least "
            f"{MIN_TOKEN} characters into a file that only you can read and name it with --token-file FILE, or set "
            f"{TOKEN_VARIABLE}. Or leave out --host: then only this machine reaches the servers."
        )


class NameNeeded(PlatformError):
    """A server listens on every address, and no name is declared by which browsers reach it."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"--host {host} listens on every address, and a request for an unknown host name is refused. "
            "Give the name that people type into the browser with --host-name NAME."
        )


@dataclass(frozen=True)
class Access:
    """What a guarded server accepts.

    Attributes
    ----------
    hosts
        Accepted values of the ``Host`` header in lower case, such as ``127.0.0.1:3000``.
    token
        The secret that every request must carry; None asks for none.
    """

    hosts: frozenset[str]
    token: str | None = None

    def __post_init__(self) -> None:
        if self.token is not None:
            check_token(self.token, "the token")

    @classmethod
    def for_port(cls, port: int, names: Iterable[str] = (), token: str | None = None) -> Access:
        """Return the access of a server that listens on a port.

        Parameters
        ----------
        names
            Host names beside ``127.0.0.1`` and ``localhost``. Each is also accepted without the port, as a proxy on
            the standard port passes it on.
        """
        local_names = {f"{name}:{port}" for name in LOOPBACK} | (set(LOOPBACK) if port == 80 else set())
        other = {host for name in names for host in (name, f"{name}:{port}")}
        return cls(frozenset(host.lower() for host in local_names | other), token)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Access:
        """Return the access that ``up`` passed on; a server without accepted hosts answers no request."""
        environ = os.environ if environ is None else environ
        hosts = frozenset(filter(None, environ.get(HOSTS_VARIABLE, "").lower().split(",")))
        return cls(hosts, environ.get(TOKEN_VARIABLE) or None)

    def environment(self) -> dict[str, str]:
        """Return the variables from which `from_environment` restores this access."""
        return {HOSTS_VARIABLE: ",".join(sorted(self.hosts)), TOKEN_VARIABLE: self.token or ""}


def read_token(file: Path | None, environ: Mapping[str, str] | None = None) -> str | None:
    """Return the token of a file, or of the environment where no file is named; None where there is none.

    Raises
    ------
    WeakToken
        For a token of fewer than 16 characters, a file that cannot be read, or one that other users can read.
    """
    environ = os.environ if environ is None else environ
    if file is None:
        token = environ.get(TOKEN_VARIABLE)
        return None if not token else check_token(token, TOKEN_VARIABLE)
    try:
        mode, token = file.stat().st_mode, file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "is not text"
        raise WeakToken(str(file), f"the token cannot be read ({problem})", "Name another file.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise WeakToken(str(file), "other users can read or change the token", f"Run chmod 600 {file}.")
    return check_token(token, str(file))


def check_token(token: str, place: str) -> str:
    """Return the token, or refuse one that is short or that a header cannot carry.

    Raises
    ------
    WeakToken
    """
    if len(token) < MIN_TOKEN:
        remedy = f"Use at least {MIN_TOKEN}, such as those that `openssl rand -hex 24` prints."
        raise WeakToken(place, f"the token has {len(token)} characters", remedy)
    if not (token.isascii() and token.isprintable()) or set(token) & set(' ";,\\'):
        remedy = "Use letters, digits, '-' and '_'."
        raise WeakToken(place, "the token has characters that a cookie cannot carry", remedy)
    return token


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a server that listens on `host`."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_every_address(host: str) -> bool:
    """Return whether `host` means every address of the machine."""
    try:
        return ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False
