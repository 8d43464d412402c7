"""Credentials in declarations: as ``${NAME}`` only, since declarations are copied into the store with each model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ml_platform.core.errors import Fault, FaultKind
from ml_platform.core.secrets import KNOWN, is_secret_option, secrets_of_url
from ml_platform.declarations.reader import readers
from ml_platform.declarations.yaml.document import Document

Path = tuple[str | int, ...]

_REFERENCE = re.compile(r"\$\{[^}]*\}")
_OPTION = re.compile(r"(?:^|[?&;\s])([A-Za-z][A-Za-z0-9_.-]*)=([^&;\s#]*)")
_PLAIN_ALERTS = {"json", "jsons", "xml", "xmls", "form", "forms"}
"""Services of apprise whose URL names a server and holds no token of its own."""
_TOKEN_LENGTH = 8
_STORAGE = ("artifacts", "database", "mlflow")


def project_credentials(value: Any) -> Iterator[tuple[Path, str, bool]]:
    """Yield each text of project.yaml that can hold a credential: its place, the text, and whether it is an alert."""
    if not isinstance(value, dict):
        return
    sections = {name: value.get(name) for name in ("storage", "connections", "engine", "audit")}
    for section, part in sections.items():
        for name, text in part.items() if isinstance(part, dict) else ():
            known = {"storage": _STORAGE, "engine": ("spark",), "audit": ("ledger_key",)}.get(section)
            if isinstance(text, str) and (known is None or name in known):
                yield (section, name), text, False
    alerts = value.get("alerts")
    for number, text in enumerate(alerts if isinstance(alerts, list) else ()):
        if isinstance(text, str):
            yield ("alerts", number), text, True


def declared_secrets(written: Any, resolved: Any) -> set[str]:
    """Return what must not be shown of project.yaml once its references are replaced."""
    secrets: set[str] = set()
    texts = {path: text for path, text, _ in project_credentials(resolved)}
    for path, text, alert in project_credentials(written):
        value = texts.get(path)
        if value is not None and _REFERENCE.search(text):
            whole = path == ("audit", "ledger_key") or bool(_REFERENCE.fullmatch(text.strip()))
            secrets |= {value} if whole else set()
            secrets |= secrets_of_url(value, path=alert) if path != ("audit", "ledger_key") else set()
    return secrets


def copied_secrets(file: str, content: bytes) -> Iterator[Fault]:
    """Yield a fault for each line of a declaration that holds the value of a secret of the environment."""
    text = content.decode("utf-8", "replace")
    if not KNOWN.holds_long(text):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if KNOWN.holds_long(line):
            message = (
                "holds the value of a secret of the environment, and every trained model keeps a copy of this file. "
                "Remove it, and write ${NAME} in project.yaml."
            )
            yield Fault(file, number, 1, message, FaultKind.SECRET)


def literal_credentials(document: Document) -> Iterator[tuple[Fault, set[str]]]:
    """Yield a fault for each credential that is written in project.yaml, with what must not be shown of it."""
    for path, text, alert in project_credentials(document.value):
        problem = _literal_secret(path, text, alert)
        if problem is not None:
            message = (
                f"{problem}, and every trained model keeps a copy of this file. Write it as ${{NAME}}, and set NAME in "
                "the environment. Change the secret if this file was shared."
            )
            yield document.fault(path, message, kind=FaultKind.SECRET), _literal_parts(path, text, alert)


def source_credentials(document: Document) -> Iterator[tuple[Fault, set[str]]]:
    """Yield a fault for each credential in the address of a source's files, with what must not be shown of it."""
    reader = document.value.get("reader") if isinstance(document.value, dict) else None
    addresses = [name for known in readers().values() for name in known.addresses]
    for name in addresses if isinstance(reader, dict) else ():
        text = reader.get(name) if isinstance(reader, dict) else None
        problem = _in_url(text) if isinstance(text, str) else None
        if problem is not None and isinstance(text, str):
            message = (
                f"{problem}, and every trained model keeps a copy of this file. Remove it, and give the credential to "
                "the file system's own library, which reads it from the environment (such as AWS_SECRET_ACCESS_KEY)."
            )
            yield document.fault(("reader", name), message, kind=FaultKind.SECRET), secrets_of_url(text)


def _literal_secret(path: Path, text: str, alert: bool) -> str | None:
    if path == ("audit", "ledger_key"):
        return "the key is written out" if _REFERENCE.sub("", text).strip() else None
    return _in_url(text) or (_in_alert(text) if alert else None)


def _in_url(text: str) -> str | None:
    """Return which credential of a URL, or of a list of ``name=value``, is written out."""
    scheme, separator, rest = text.partition("://")
    for name, value in _OPTION.findall(rest if separator else text):
        if is_secret_option(name) and _REFERENCE.sub("", value):
            return f"the value of {name} is written out"
    place = re.split("[?#]", rest, maxsplit=1)[0]
    user, colon, password = place.rpartition("@")[0].partition(":")
    if colon and _REFERENCE.sub("", password):
        return "the password is written out"
    if scheme.startswith("http") and not colon and _REFERENCE.sub("", user):
        return "the token before @ is written out"
    return None


def _in_alert(text: str) -> str | None:
    """Return which part of an alert's URL may be a token that is written out."""
    if _REFERENCE.fullmatch(text.strip()):
        return None
    scheme, _, rest = text.partition("://")
    place = re.split("[?#]", rest, maxsplit=1)[0]
    userinfo, at, address = place.rpartition("@")
    host, _, path = address.partition("/")
    if scheme not in _PLAIN_ALERTS and not at and _REFERENCE.sub("", host):
        return "the URL may hold a token that is written out"
    if scheme not in _PLAIN_ALERTS and at and not _REFERENCE.search(userinfo):
        return "the URL may hold a token that is written out"
    if any(len(part) >= _TOKEN_LENGTH and not part.isalpha() for part in _REFERENCE.sub("", path).split("/")):
        return "the URL's path may hold a token that is written out"
    return None


def _literal_parts(path: Path, text: str, alert: bool) -> set[str]:
    plain = _REFERENCE.sub("", text)
    return {plain} if path == ("audit", "ledger_key") else {plain, *secrets_of_url(plain, path=alert)}
