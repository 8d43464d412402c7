"""Who may ask the service: the addresses it answers to, other sites, and tokens with scopes."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ml_platform.core.errors import PlatformError
from ml_platform.core.web.access import Access, check_token
from ml_platform.serving.problems import RequestProblem

Scope = Literal["predict", "events", "admin"]
SCOPES: tuple[Scope, ...] = ("predict", "events", "admin")


class ServiceTokenNeeded(PlatformError):
    """The service can be reached from other machines, and has no token to check clients by."""

    def __init__(self, host: str) -> None:
        names = ", ".join(map(variable, SCOPES))
        super().__init__(
            f"--host {host} is reached from other machines, and there is no token. Set one or more of {names} to a "
            "secret of at least 16 characters. Or leave out --host: then only this machine reaches the service."
        )


def variable(scope: Scope) -> str:
    """Return the environment variable that holds the token of a scope."""
    return f"ML_PLATFORM_{scope.upper()}_TOKEN"


_ONCE = frozenset({b"host", b"authorization", b"origin", b"sec-fetch-site", b"content-type"})
"""Headers that decide who may ask, and how a body is read. A proxy may have read the first of two, or the last."""


@dataclass(frozen=True)
class ServiceAccess:
    """What the service accepts.

    Attributes
    ----------
    hosts
        Accepted values of the ``Host`` header.
    tokens
        The secret of each scope. A scope without one is open where no scope has one, and closed else.
    """

    hosts: frozenset[bytes]
    tokens: Mapping[Scope, bytes] = field(repr=False)

    @classmethod
    def for_port(cls, port: int, names: Iterable[str], environ: Mapping[str, str] | None = None) -> ServiceAccess:
        """Return the access of a service that listens on a port; tokens come from the environment.

        Raises
        ------
        WeakToken
        """
        environ = os.environ if environ is None else environ
        by_scope = {scope: environ.get(variable(scope), "") for scope in SCOPES}
        tokens = {scope: check_token(text, variable(scope)).encode() for scope, text in by_scope.items() if text}
        hosts = Access.for_port(port, names).hosts
        return cls(frozenset(host.encode() for host in hosts), tokens)

    def require(self, headers: Iterable[tuple[bytes, bytes]], scope: Scope | None) -> None:
        """Refuse a request by its headers.

        Parameters
        ----------
        scope
            What the request needs; None for what everybody may ask, such as whether the service is healthy.

        Raises
        ------
        RequestProblem
        """
        known = _once(headers)
        host, origin, site = (known.get(name) for name in (b"host", b"origin", b"sec-fetch-site"))
        host = (host or b"").lower()
        if origin is not None and origin.lower() not in (b"http://" + host, b"https://" + host):
            raise RequestProblem(403, "other_origin", "the request comes from a page of another origin.")
        if site not in (None, b"same-origin", b"none"):
            raise RequestProblem(403, "other_site", "the request comes from a page of another site.")
        if host not in self.hosts:
            raise RequestProblem(403, "unknown_host", "the Host header names another server than this one.")
        if scope is not None and self.tokens:
            self._require_token(known.get(b"authorization", b""), scope)

    def _require_token(self, authorization: bytes, scope: Scope) -> None:
        kind, _, sent = authorization.partition(b" ")
        if kind.lower() != b"bearer" or not sent:
            raise RequestProblem(401, "token_needed", "send the header Authorization: Bearer TOKEN.")
        # every token is compared, so that the response time reveals nothing
        matching = {name for name, token in self.tokens.items() if hmac.compare_digest(sent, token)}
        if not matching:
            raise RequestProblem(401, "wrong_token", "the token is not one of this service.")
        if scope not in matching and "admin" not in matching:
            raise RequestProblem(403, "wrong_scope", f"the token does not allow this: it needs the scope {scope}.")


def _once(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    """Return the headers that decide who may ask, each of which comes once at most."""
    known = dict[bytes, bytes]()
    for name, value in headers:
        if name in _ONCE:
            if name in known:
                text = f"the header {name.decode().title()} comes twice. Send it once."
                raise RequestProblem(400, "header_twice", text)
            known[name] = value
    return known
