"""Secrets of this process: learned when a project is read, and hidden in everything that is written for people.

A secret is known by its value, in whatever form a library repeats it: encoded for a URL, decoded in part, escaped for
JSON or HTML. Every text that leaves the platform (an error, a log line, an alert, what is printed) passes `redact`.
"""

from __future__ import annotations

import base64
import inspect
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TextIO, TypeVar, cast
from urllib.parse import parse_qsl, unquote, urlsplit

_Function = TypeVar("_Function", bound=Callable[..., Any])
HIDDEN = "***"
_MIN_LENGTH = 4
_ALONE_BELOW = 12
"""Shorter secrets are hidden as whole words only: ``postgres`` must not hide half of ``postgresql``."""
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s@'\"<>]+@")
_SECRET_OPTION = re.compile(r"pass|pwd|secret|token|key|sig|credential|auth", re.IGNORECASE)


def is_secret_option(name: str) -> bool:
    """Return whether an option of a URL, such as ``sslpassword``, holds a credential."""
    return bool(_SECRET_OPTION.search(name))


class Secrets:
    """The values that must not be shown."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, values: Iterable[str]) -> None:
        """Learn values, each in every form."""
        new = {unquote(value) for value in values if len(unquote(value)) >= _MIN_LENGTH} - self._values
        if new:
            self._values |= new
            longest_first = sorted(self._values, key=lambda value: (-len(value), value))
            self._pattern = re.compile("|".join(map(_pattern_of, longest_first)))

    def redact(self, text: str) -> str:
        """Return a text without any of the values, and without the part before ``@`` in a URL."""
        shown = self._pattern.sub(HIDDEN, text) if self._pattern is not None else text
        return _USERINFO.sub(rf"\g<1>{HIDDEN}@", shown) if "@" in shown and "://" in shown else shown

    def holds(self, text: str) -> bool:
        """Return whether a text holds one of the values."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def holds_long(self, text: str) -> bool:
        """Return whether a text holds a value that is too long to occur there by chance."""
        return self.holds(text) and any(value in text for value in self._values if len(value) >= _ALONE_BELOW)


def _pattern_of(value: str) -> str:
    pattern = "".join(map(_any_form, value))
    return whole_words(pattern, "[A-Za-z0-9]") if len(value) < _ALONE_BELOW else pattern


_ESCAPES = (r"%[0-9A-Fa-f]{2}", r"\\[abfnrtv]", r"\\x[0-9A-Fa-f]{2}", r"\\u[0-9A-Fa-f]{4}")
"""Encoded characters that may precede a word, as in ``key%3Dvalue``, or a line feed in JSON."""


_SHORT = {
    **{"\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e"},
    **{"\x85": "N", "\xa0": "_", "\u2028": "L", "\u2029": "P"},
}
"""How JSON, Python and YAML write some characters after a backslash."""


def whole_words(pattern: str, word: str) -> str:
    """Return a pattern that matches where no character of a word touches it; encoded characters are none.

    Parameters
    ----------
    word
        The characters of words, as a class of a regular expression.
    """
    before = "|".join(f"(?<={escape})" for escape in _ESCAPES)
    return f"(?:(?<!{word})|{before})(?:{pattern})(?!{word})"


def in_any_form(text: str) -> str:
    """Return a pattern for a text as pages, links, JSON and Python write it."""
    return "".join(map(_any_form, text))


def _any_form(character: str) -> str:
    """Return a pattern for a character as it is, or encoded for a URL (also twice), for JSON, HTML or Python."""
    if character.isascii() and character.isalnum():
        return rf"(?:{character}|%(?:25)*(?i:{ord(character):02x}))"
    code = ord(character)
    encoded = "".join(f"%(?:25)*(?i:{byte:02x})" for byte in character.encode("utf-8", "surrogatepass"))
    units = character.encode("utf-16-be", "surrogatepass").hex()
    forms = [
        re.escape(character),
        encoded,
        "".join(rf"\\+u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4)),
    ]
    forms += [rf"&#0*{code};", rf"&#x(?i:0*{code:x});", rf"\\+U(?i:{code:08x})"]
    forms += [rf"\\+x(?i:{code:02x})"] if code < 0x100 else []
    forms += [rf"\\+{_SHORT[character]}"] if character in _SHORT else []
    if character.isascii():
        named = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos", " ": "nbsp"}.get(character)
        forms += [rf"\\+{re.escape(character)}", *([f"&{named};"] if named else [])]
        forms += [r"\+"] if character == " " else []
    return f"(?:{'|'.join(forms)})"


KNOWN = Secrets()
"""The secrets of this process. They are of the process because what repeats them, a driver or a log, is so too."""


def redact(text: str) -> str:
    """Return a text without the secrets of this process."""
    return KNOWN.redact(text)


def secrets_of_url(url: str, *, path: bool = False) -> set[str]:
    """Return what must not be shown of a URL.

    Parameters
    ----------
    path
        Whether parts of its path are tokens too, as in the URLs of notification services.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return {url}
    place, _, options = rest.partition("?")
    secrets = {value for name, value in parse_qsl(options) if is_secret_option(name) or path}
    secrets |= {
        part.partition("=")[2] for part in re.split("[;&]", options) if is_secret_option(part.partition("=")[0])
    }
    secrets |= {part.partition("=")[2] for part in place.split(";")[1:] if is_secret_option(part.partition("=")[0])}
    userinfo, at, host = place.rpartition("@")
    if at:
        user, colon, password = userinfo.partition(":")
        secrets |= {userinfo, password} if colon else set()
        secrets |= {userinfo} if scheme.startswith("http") or path else set()
        secrets |= {base64.b64encode(unquote(text).encode()).decode() for text in (userinfo,)}
        secrets |= {user} if path and len(user) >= 8 else set()
    if path:
        secrets |= {part for part in host.split("/")[1:] if len(part) >= 8}
        secrets |= {rest} if "/" in host.rstrip("/") or at or options else set()
    return {value for value in secrets if value}


def without_credentials(url: str) -> str:
    """Return a URL without user, password and options, to be shown or linked to."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.startswith(("sqlite", "file")):
        return url
    place = re.split("[?#]", rest, maxsplit=1)[0]
    head, slash, path = place.rpartition("@")[2].partition("/")
    return f"{scheme}://{head}{slash}{path}"


def credentials(url: str) -> tuple[str | None, str | None]:
    """Return user and password of a URL, decoded."""
    parts = urlsplit(url)
    return (
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
    )


# Errors ---------------------------------------------------------------------


class HiddenError(Exception):
    """Replaces an error whose own text cannot be changed."""


@contextmanager
def scrubbing() -> Iterator[None]:
    """Let no error leave the block whose text, or whose causes' text, holds a secret."""
    try:
        yield
    except Exception as error:
        for link in _chain(error):
            _scrub(link)
        if any(KNOWN.holds(str(link)) or str(link) != redact(str(link)) for link in _chain(error)):
            raise HiddenError(f"{type(error).__name__}: {redact(str(error))}") from None
        raise


def scrubbed(function: _Function) -> _Function:
    """Return a function, or a generator function, that no error leaves with a secret in its text."""
    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def generator(*args: Any, **more: Any) -> Any:
            with scrubbing():
                return (yield from function(*args, **more))

        return cast(_Function, generator)

    @wraps(function)
    def plain(*args: Any, **more: Any) -> Any:
        with scrubbing():
            return function(*args, **more)

    return cast(_Function, plain)


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error, its causes, and the members of groups, each once."""
    links: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is None or any(link is known for known in links):
            continue
        links.append(link)
        waiting += [link.__cause__, link.__context__, *getattr(link, "exceptions", ())]
    return links


def _scrub(error: BaseException) -> None:
    """Hide secrets in what an error is printed from: its arguments, its notes and its texts."""
    error.args = tuple(_scrubbed(value) for value in error.args)
    for name, value in list(vars(error).items()):
        if (shown := _scrubbed(value)) is not value:
            try:
                setattr(error, name, shown)
            except (AttributeError, TypeError):
                continue


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value) if redact(value) != value else value
    if isinstance(value, bytes):
        shown = redact(value.decode("utf-8", "replace"))
        return shown.encode() if shown != value.decode("utf-8", "replace") else value
    if isinstance(value, list | tuple) and any(_scrubbed(item) is not item for item in value):
        return type(value)([_scrubbed(item) for item in value]) if type(value) in (list, tuple) else value
    return value


# The process ----------------------------------------------------------------


class RedactingStream:
    """A text stream without secrets."""

    def __init__(self, stream: TextIO) -> None:
        self.hidden = stream

    def write(self, text: str) -> int:
        """Write a text without secrets."""
        self.hidden.write(redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.hidden, name)


def keep_secrets() -> None:
    """Hide secrets in what this process prints and logs from now on, also in a traceback that nothing catches."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, RedactingStream):
            setattr(sys, name, RedactingStream(stream))
    factory = logging.getLogRecordFactory()
    if not getattr(factory, "keeps_secrets", False):
        logging.setLogRecordFactory(_redacting(factory))


def _redacting(factory: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def make(*args: Any, **more: Any) -> logging.LogRecord:
        record = factory(*args, **more)
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # a message that does not fit its arguments; logging reports it
            return record
        if redact(text) != text:
            record.msg, record.args = redact(text), None
        return record

    make.keeps_secrets = True  # type: ignore[attr-defined]
    return make
