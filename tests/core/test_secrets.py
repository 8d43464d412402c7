"""Secrets: hidden in every form in which a library repeats them; credentials of declarations are references."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from ml_platform.core.errors import DeclarationError, Fault, PlatformError
from ml_platform.core.secrets import (
    KNOWN,
    RedactingStream,
    Secrets,
    credentials,
    keep_secrets,
    redact,
    scrubbed,
    scrubbing,
    secrets_of_url,
    without_credentials,
)
from ml_platform.declarations.load.load import load_project
from tests.worlds import FILES

SECRET = 'p@ss/w"rd <&> ü%41!'
KNOWN_KEY = "-----BEGIN KEY-----\nline one\tand\r\nline two\n-----END KEY-----"
FORMS = [
    SECRET,
    quote(SECRET, safe=""),
    quote(SECRET),
    quote_plus(SECRET),
    quote(quote(SECRET, safe=""), safe=""),
    quote(SECRET, safe="").lower(),
    quote(SECRET, safe="@/"),  # decoded in part
    json.dumps(SECRET)[1:-1],
    json.dumps(SECRET, ensure_ascii=False)[1:-1],
    html.escape(SECRET),
    repr(SECRET)[1:-1],
]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Secrets:
    """Secrets of this test alone."""
    monkeypatch.setattr(KNOWN, "_values", set())
    monkeypatch.setattr(KNOWN, "_pattern", None)
    return KNOWN


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_hidden_in_every_form(known: Secrets, form: str) -> None:
    known.add([SECRET])
    assert redact(f"before {form} after") == "before *** after"


@pytest.mark.parametrize("form", [json.dumps, repr, ascii, lambda text: json.dumps(json.dumps(text)), quote])
def test_a_secret_of_several_lines_is_hidden_as_json_and_python_write_it(
    known: Secrets, form: Callable[[str], str]
) -> None:
    known.add([KNOWN_KEY])
    text = redact(f"before {form(KNOWN_KEY)} after")
    assert "line" not in text
    assert "***" in text


def test_a_short_secret_is_hidden_where_it_is_a_whole_word(known: Secrets) -> None:
    known.add(["postgres", "abc"])
    assert redact("postgresql+psycopg://h: password postgres; abc") == "postgresql+psycopg://h: password ***; abc"


def test_the_part_before_the_host_of_a_url_is_hidden_also_where_it_is_not_known(known: Secrets) -> None:
    assert redact("at http://anna:pw@host:5000/x and s3://k:s@b, a@b.com") == (
        "at http://***@host:5000/x and s3://***@b, a@b.com"
    )
    assert redact("") == ""


def test_the_secrets_of_a_url_are_its_password_and_its_options_that_are_named_like_one() -> None:
    secrets = secrets_of_url("postgresql+psycopg://anna:s3%40cret@db:5432/shop?sslpassword=q1&application_name=x")
    assert secrets == {"anna:s3%40cret", "s3%40cret", "q1", base64.b64encode(b"anna:s3@cret").decode()}
    assert secrets_of_url("sc://host:15002/;token=abcdef;user_id=x") == {"abcdef"}
    assert "tok-12345678" in secrets_of_url("slack://team/tok-12345678", path=True)
    assert secrets_of_url("json://localhost:8080/", path=True) == set()
    assert secrets_of_url("https://tok123@host/") == {"tok123", base64.b64encode(b"tok123").decode()}


def test_an_address_is_shown_without_its_credentials() -> None:
    assert without_credentials("https://anna:p@h:5000/mlflow?token=x#y") == "https://h:5000/mlflow"
    assert without_credentials("sqlite:////home/a@b/m.sqlite") == "sqlite:////home/a@b/m.sqlite"
    assert credentials("https://anna%20b:p%40ss@h") == ("anna b", "p@ss")


class CustomText(Exception):
    """An error whose text does not come from its arguments."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __str__(self) -> str:
        return f"cannot reach {self.url}"


class Stubborn(Exception):
    def __str__(self) -> str:
        return f"no: {SECRET}"


def test_no_error_leaves_a_block_with_a_secret_in_its_text_or_its_causes(known: Secrets) -> None:
    known.add([SECRET])

    def fail() -> None:
        try:
            raise CustomText(f"http://anna:{quote(SECRET, safe='')}@host")
        except CustomText as cause:
            cause.add_note(f"with {SECRET}")
            raise ValueError(f"bad {SECRET}", {"x": 1}) from cause

    def stubborn() -> None:
        raise Stubborn

    for work, kind in ((fail, "ValueError"), (stubborn, "HiddenError")):
        with pytest.raises(Exception) as caught, scrubbing():
            work()
        text = "".join(traceback.format_exception(caught.value))
        assert kind in text
        assert "***" in text
        assert not any(form in text.replace(f'return f"no: {SECRET}"', "") for form in FORMS)


def test_a_scrubbed_function_is_what_it_was(known: Secrets) -> None:
    known.add([SECRET])

    @scrubbed
    def add(first: int, second: int = 1) -> int:
        return first + second

    @scrubbed
    def two(end: str) -> object:
        yield 1
        yield 2
        raise ValueError(f"{end} {SECRET}")

    assert (add(1), add(1, second=3)) == (2, 4)
    items = iter(two("end"))  # type: ignore[call-overload]
    assert (next(items), next(items)) == (1, 2)
    with pytest.raises(ValueError, match=r"^end \*\*\*$"):
        next(items)


def test_an_error_of_the_platform_and_a_log_line_show_no_secret(
    known: Secrets, caplog: pytest.LogCaptureFixture
) -> None:
    known.add([SECRET])
    assert str(PlatformError(f"cannot open {SECRET}")) == "cannot open ***"
    stream = io.StringIO()
    print(f"x {SECRET}", file=RedactingStream(stream))
    assert stream.getvalue() == "x ***\n"
    factory = logging.getLogRecordFactory()
    try:
        keep_secrets()
        logging.getLogger("driver").warning("connecting to %s as %d", SECRET, 3)
    finally:
        logging.setLogRecordFactory(factory)
    assert caplog.messages == ["connecting to *** as 3"]


def shop(root: Path, more: str, **environ: str) -> list[str]:
    """Write the shop with more lines in project.yaml and return its faults."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    lines = (root / "project.yaml").read_text().count("\n")
    with (root / "project.yaml").open("a") as file:
        file.write(more)
    faults: list[Fault] = []
    try:
        load_project(root, environ)
    except DeclarationError as error:
        faults = [*error.faults]
    assert "hunter2" not in str(faults)
    return [fault.message for fault in faults if fault.line > lines]


LITERAL = [
    ("storage: {database: 'postgresql://app:hunter2-hunter2@db/x'}", "the password is written out"),
    ("storage: {database: 'postgresql://${U}:${P}hunter2@db/x'}", "the password is written out"),
    ("storage: {database: 'postgresql://db/x?user=a&password=hunter2-hunter2'}", "the value of password is written"),
    ("storage: {mlflow: 'http://anna:hunter2-hunter2@host:5000'}", "the password is written out"),
    ("storage: {mlflow: 'https://hunter2-hunter2@host:5000'}", "the token before @ is written out"),
    ("storage: {artifacts: 's3://key:hunter2-hunter2@bucket/x'}", "the password is written out"),
    ("connections: {db: 'postgresql://a:hunter2-hunter2@h/x'}", "the password is written out"),
    ("connections: {db: 'host=h user=a password=hunter2-hunter2'}", "the value of password is written out"),
    ("engine: {spark: 'sc://host:15002/;token=hunter2-hunter2'}", "the value of token is written out"),
    ("audit: {ledger_key: hunter2-hunter2-hunter2}", "the key is written out"),
    ("audit: {ledger_key: hunter2}", "the key is written out"),
    ("alerts: ['slack://hunter2A/hunter2B/hunter2C']", "the URL may hold a token that is written out"),
    ("alerts: ['mailto://ops:hunter2-hunter2@mail.example']", "the password is written out"),
    ("alerts: ['jsons://hooks.example/T00/hunter2-hunter2']", "the URL's path may hold a token that is written out"),
    ("alerts: ['jsons://hooks.example/?apikey=hunter2-hunter2']", "the value of apikey is written out"),
]


@pytest.mark.parametrize(("line", "problem"), LITERAL)
def test_a_credential_that_is_written_out_is_refused(known: Secrets, tmp_path: Path, line: str, problem: str) -> None:
    actual = shop(tmp_path, line + "\n", U="u", P="p")
    assert any(message.startswith(problem) and "Write it as ${NAME}" in message for message in actual), actual


REFERENCES = [
    "storage: {database: 'postgresql://app:${P}@db/x', mlflow: '${M}', artifacts: 's3://bucket/x'}",
    "storage: {database: 'postgresql://app@db/x', mlflow: 'http://localhost:5000'}",
    "connections: {db: '${D}'}",
    "audit: {ledger_key: '${K}'}",
    "alerts: ['${A}', 'json://127.0.0.1:8080/alerts', 'mailto://ops:${P}@mail.example?to=team']",
]


@pytest.mark.parametrize("line", REFERENCES)
def test_a_credential_by_reference_and_an_address_without_one_are_accepted(
    known: Secrets, tmp_path: Path, line: str
) -> None:
    environ = {"P": "hunter2-hunter2", "M": "http://a:hunter2-hunter2@h", "D": "postgresql://a:hunter2@h/x"}
    environ |= {"K": "hunter2-hunter2-hunter2", "A": "slack://hunter2A/hunter2B"}
    assert shop(tmp_path, line + "\n", **environ) == []


def test_the_address_of_a_sources_file_holds_no_credential(known: Secrets, tmp_path: Path) -> None:
    shop(tmp_path, "")
    source = tmp_path / "sources/orders.yaml"
    source.write_text(source.read_text().replace("data/orders.csv", "s3://key:hunter2-hunter2@bucket/orders.csv"))
    with pytest.raises(DeclarationError) as caught:
        load_project(tmp_path, {})
    assert "sources/orders.yaml:5:15: the password is written out" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_declaration_that_holds_the_value_of_a_secret_is_refused(known: Secrets, tmp_path: Path) -> None:
    shop(tmp_path, "")
    with (tmp_path / "project.yaml").open("a") as file:
        file.write("storage: {database: 'postgresql://a:${P}@db/x'}\n")
    with (tmp_path / "models/late_parcel.yaml").open("a") as file:
        file.write("# it was hunter2-hunter2\n")
    lines = (tmp_path / "models/late_parcel.yaml").read_text().count("\n")
    with pytest.raises(DeclarationError) as caught:
        load_project(tmp_path, {"P": "hunter2-hunter2"})
    place = f"models/late_parcel.yaml:{lines}:1: holds the value of a secret of the environment"
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize(
    "text",
    [
        "password%3Dhunter2%26user",  # a link within a link
        json.dumps({"log": "user ada\nhunter2"}),
        ascii("\u00e9hunter2"),
        json.dumps("\u20achunter2"),
    ],
)
def test_a_short_secret_is_hidden_after_an_encoded_character(text: str) -> None:
    secrets = Secrets()
    secrets.add(["hunter2"])
    assert "hunter2" not in secrets.redact(text)
    assert secrets.redact("hunter22 and ahunter2") == "hunter22 and ahunter2"


@pytest.mark.parametrize(
    "form", [json.dumps("p\U0001f600\u00e9-word")[1:-1], ascii("p\U0001f600\u00e9-word"), "p&#128512;&#xE9;-word"]
)
def test_a_secret_with_signs_beyond_ascii_is_hidden_as_json_python_and_pages_write_it(form: str) -> None:
    secrets = Secrets()
    secrets.add(["p\U0001f600\u00e9-word"])
    assert "***" in secrets.redact(form)
    assert "word" not in secrets.redact(form)
