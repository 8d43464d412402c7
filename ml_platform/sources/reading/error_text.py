"""The text of a library's error, without anything of a connection's URL that could be a secret."""

from __future__ import annotations

from ml_platform.core.secrets import HIDDEN, secrets_of_url


def error_text(error: Exception, url: str = "") -> str:
    """Return the text of an error as a part of one sentence.

    >>> error_text(OSError("cannot reach db://me:hunter22@host."), "db://me:hunter22@host")
    'cannot reach ***'
    """
    text = " ".join(str(error).split())
    for secret in sorted({url, *secrets_of_url(url)} - {""}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text[:300].rstrip(".")
