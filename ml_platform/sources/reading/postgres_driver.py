"""What the driver for PostgreSQL needs and gives: URLs, names, and columns of types that Arrow does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    import pyarrow as pa


def quoted(name: str) -> str:
    """Return a name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def stored_columns(table: pa.Table) -> pa.Table:
    """Return a table whose columns of types that Arrow does not know are what they are stored as."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if isinstance(field.type, pa.BaseExtensionType):
            table = table.set_column(place, field.name, _plain(table.column(place)))
    return table


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(values.type, pa.UuidType):
        return pa.chunked_array([[value and str(value) for value in values.to_pylist()]], pa.string())
    plain = values.cast(values.type.storage_type)
    if not (isinstance(values.type, pa.OpaqueType) and values.type.type_name == "numeric"):
        return plain
    is_nan = pc.equal(pc.utf8_lower(plain), "nan")  # no number, whatever the declared type
    return pc.if_else(pc.fill_null(is_nan, False), pa.scalar(None, plain.type), plain)


def plain_url(url: str) -> str:
    """Return the URL without the driver that SQLAlchemy's form names: ``postgresql+psycopg://`` is ``postgresql://``."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}{separator}{rest}"


def url_in(variable: str, environ: Mapping[str, str]) -> str:
    """Return the address of a PostgreSQL database that an environment variable holds.

    Raises
    ------
    ValueError
        With a sentence on what is wrong and what to do.
    """
    url = environ.get(variable, "")
    if not plain_url(url).startswith(("postgresql://", "postgres://")):
        state = "is not set" if not url else "holds no address of a PostgreSQL database"
        raise ValueError(f"the environment variable {variable} {state}. Set it to postgresql://USER@HOST/NAME.")
    return url


def server_text(error: Exception, url: str) -> str:
    """Return what the server reports, without the query and without anything of the URL that could be a secret."""
    text = " ".join(str(error).partition("Query was:")[0].split())
    for secret in _secrets(url):
        text = text.replace(secret, "***")
    return text[:300].rstrip(".")


def _secrets(url: str) -> list[str]:
    """Return the parts of a URL that must not be shown, also of one that cannot be read; the longest first."""
    location, _, query = plain_url(url).partition("://")[2].partition("?")
    user, _, password = location.rpartition("@")[0].partition(":")
    options = [option.partition("=")[2] for option in query.split("&")]
    parts = [url, plain_url(url), location, query, f"{user}:{password}", password, *options]
    secrets = {text for part in parts for text in (part, unquote(part)) if len(text) > 1}
    return sorted(secrets, key=lambda text: (-len(text), text))
