"""What a mail and a chat show of an alert: Markdown becomes HTML, plain text stays as it is, long ones are split."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from apprise.plugins.custom_json import NotifyJSON

from ml_platform.operations.alerts import send_alert
from tests.operations.test_alerts import ALERT, NOW, project_with
from tests.receiver import alert_receiver

DIGEST = "**shop: 1 model needs a person.**\n\n- late_parcel: rows wait\n\n**late_parcel** is healthy.\nSecond line."


@contextmanager
def mail_server() -> Iterator[tuple[str, list[EmailMessage]]]:
    """Give the apprise URL of an SMTP server on loopback, and the list that its mails go to."""
    received: list[EmailMessage] = []

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 ready\r\n")
            for line in self.rfile:
                command = line[:4].strip().upper()
                if command == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    data = b"".join(iter(self.rfile.readline, b".\r\n"))
                    parsed = email.message_from_bytes(data, policy=email.policy.default)
                    assert isinstance(parsed, EmailMessage)
                    received.append(parsed)
                self.wfile.write(b"250 done\r\n" if command != b"QUIT" else b"221 bye\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"mailto://127.0.0.1:{server.server_address[1]}/?from=a@shop.example&to=b@shop.example", received
        server.shutdown()


def form(mail: EmailMessage, kind: str) -> str:
    (part,) = [part for part in mail.walk() if part.get_content_type() == f"text/{kind}"]
    return str(part.get_content()).replace("\r\n", "\n").strip()


def test_a_digest_is_html_in_a_mail_with_a_list_and_its_lines(tmp_path: Path) -> None:
    with mail_server() as (url, received):
        digest = replace(ALERT, body=DIGEST, facts={}, link=None, next_step="", markdown=True)
        assert not send_alert(project_with(tmp_path, url), digest, NOW).undelivered
    (mail,) = received
    assert mail["Subject"] == ALERT.title
    html = form(mail, "html")
    assert "<strong>shop: 1 model needs a person.</strong>" in html
    assert "<li>late_parcel: rows wait</li>" in html
    assert "<strong>late_parcel</strong> is healthy.<br" in html
    assert "*" not in html + form(mail, "plain")


def test_the_lines_and_the_values_of_an_alert_are_shown_as_they_are_in_a_mail(tmp_path: Path) -> None:
    body = 'orders: a value is "<img src=http://tracker.example>" **loud**\nsecond line'
    with mail_server() as (url, received):
        assert not send_alert(project_with(tmp_path, url), replace(ALERT, body=body), NOW).undelivered
    (mail,) = received
    assert form(mail, "plain").startswith(f"{body}\nPSI of orders.amount: 0.41\n")
    assert not any(part.get_content_type() == "text/html" for part in mail.walk())


def test_a_text_that_is_too_long_for_a_chat_comes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NotifyJSON, "body_maxlen", 200)
    lines = [f"model {number:02} is healthy and earns its money" for number in range(30)]
    with alert_receiver() as (url, received):
        assert not send_alert(project_with(tmp_path, url), replace(ALERT, body="\n".join(lines)), NOW).undelivered
    parts = [part["message"] for part in received]
    assert len(parts) > 5
    assert max(map(len, parts)) <= 200
    assert all(line[:8] in "".join(parts) for line in lines)
