"""Alerts: each raised once, kept in a log file, and sent to the services that the project names.

The log file comes first and is durable. A service that is down costs the caller a
bounded time and nothing else; that it was not reached is recorded.
"""

from __future__ import annotations

import json
import os
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from ml_platform.core.hashing import canonical_json, format_instant
from ml_platform.core.plain_values import json_value
from ml_platform.core.secrets import redact
from ml_platform.project import Project
from ml_platform.storage.rows import insert_if_absent, update_rows
from ml_platform.storage.tables import METADATA, PERSONAL, Instant

Urgency = Literal["page", "ticket", "report"]
_ATTEMPTS = 5
"""How often a service is tried for one alert: one that takes it and answers too late would else get it for ever."""
_CLAIMED = timedelta(minutes=5)
"""For so long a process that sends an alert is waited for; then another may send it: it was killed."""
_APPRISE_TYPE = {"page": "failure", "ticket": "warning", "report": "info"}

ALERTS = sa.Table(
    "alerts",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(200), nullable=False, unique=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("model", sa.String(64)),
    sa.Column("alert", sa.Text, nullable=False, info=PERSONAL),
    sa.Column("delivery", sa.Text, info=PERSONAL),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class Alert:
    """What a person should know, and do.

    Attributes
    ----------
    key
        What the alert is about, such as a finding's id: one key alerts once.
    body
        What happened.
    severity
        ``page`` wakes someone, ``ticket`` can wait until morning, ``report`` is for the record.
    facts
        Figures by name; JSON types only.
    link
        Where to look.
    next_step
        What to do.
    markdown
        Whether the body is Markdown. Each service gets the form that it shows: a mail gets HTML.
    """

    key: str
    title: str
    body: str
    severity: Urgency
    model: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    link: str | None = None
    next_step: str = ""
    markdown: bool = False

    @property
    def text(self) -> str:
        """The alert as a person reads it."""
        facts = [f"{name}: {value}" for name, value in self.facts.items()]
        then = [f"Next: {self.next_step}"] if self.next_step else []
        return "\n".join([self.body, *facts, *then, *([self.link] if self.link else [])])


@dataclass(frozen=True)
class Sent:
    """What became of an alert: whether it was new, and which services took it now.

    `undelivered` maps a service to the reason.
    """

    new: bool
    delivered: tuple[str, ...] = ()
    undelivered: Mapping[str, str] = field(default_factory=dict)


def alerts_log(project: Project) -> Path:
    """Return the file to which every alert is appended, one JSON object a line."""
    return project.state / "alerts.log"


def send_alert(project: Project, alert: Alert, now: datetime, patience_seconds: float = 10.0) -> Sent:
    """Log an alert and send it to the project's services, unless its key has alerted before.

    A service that did not take it is tried again when the alert is raised again, five times in all; so is one to which
    a process was sending when it was killed.

    Parameters
    ----------
    patience_seconds
        The longest that all services together may take.
    """
    alert = _without_secrets(alert)
    services, refused_for_good = _services(project), dict[str, str]()
    new = _log_first(project, alert, services, now)
    if not new:
        services, refused_for_good = _open_services(project, alert, services, now)
    outcomes = _deliver(services, alert, patience_seconds)
    sent = Sent(
        new=new,
        delivered=tuple(service for service, problem in outcomes.items() if problem is None),
        undelivered=refused_for_good
        | {service: problem for service, problem in outcomes.items() if problem is not None},
    )
    if outcomes:
        _record_delivery(project, alert, sent, now)
    return sent


def sent_text(sent: Sent) -> str:
    """Return what became of an alert that is sent once, such as the digest of a day, in sentences."""
    if not (sent.new or sent.delivered or sent.undelivered):
        return "It was sent before on this day, and is not sent again."
    services = ", ".join(sent.delivered) or "no service took it; it is in the log of alerts"
    refused = [f"Not sent to {service}: {problem}." for service, problem in sent.undelivered.items()]
    return "\n".join([f"Sent: {services}.", *refused])


def _services(project: Project) -> dict[str, str]:
    """Return the URL of each service by its place and scheme: the URL may hold a secret."""
    urls = project.spec.file.alerts
    return {f"alerts[{number}] ({url.partition(':')[0]})": url for number, url in enumerate(urls)}


def _open_services(
    project: Project, alert: Alert, services: Mapping[str, str], now: datetime
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the services that refused an alert and are to be tried again, and those that are not, with the reason.

    Those to be tried are claimed: two processes that raise the same alert at once do not both send it.
    """
    with project.database.writing() as connection:
        text = connection.scalar(sa.select(ALERTS.c.delivery).where(ALERTS.c.key == alert.key))
        delivery = json.loads(text or "{}")
        refused = {**delivery.get("undelivered", {}), **_abandoned(delivery, now)}
        waiting = {name: services[name] for name in refused if name in services}
        if not waiting:
            return {}, {}
        if delivery.get("attempts", 1) >= _ATTEMPTS:
            return {}, {name: refused[name] for name in waiting}
        claim = {"undelivered": {}, "sending": _sending(waiting, now), "attempts": delivery.get("attempts", 1) + 1}
        claimed = {**delivery, **claim}
        update_rows(connection, ALERTS, ALERTS.c.key == alert.key, {"delivery": json.dumps(claimed)})
    return waiting, {}


def _sending(services: Mapping[str, str], now: datetime) -> dict[str, Any]:
    return {"since": format_instant(now), "to": [*services]}


def _abandoned(delivery: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """Return the services to which a process was sending that never wrote down what became of it."""
    sending = delivery.get("sending")
    if sending is None or now < datetime.fromisoformat(sending["since"]) + _CLAIMED:
        return {}
    return dict.fromkeys(sending["to"], "the process ended while it was sending")


def _without_secrets(alert: Alert) -> Alert:
    facts = {name: redact(value) if isinstance(value, str) else value for name, value in alert.facts.items()}
    link = None if alert.link is None else redact(alert.link)
    title, body, step = redact(alert.title), redact(alert.body), redact(alert.next_step)
    return replace(alert, title=title, body=body, facts=facts, link=link, next_step=step)


def recent_alerts(project: Project, limit: int = 20) -> list[dict[str, Any]]:
    """Return the newest alerts first, each with its instant and which services took it."""
    query = sa.select(ALERTS).order_by(ALERTS.c.seq.desc()).limit(limit)
    with project.database.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return [
        {"at": format_instant(row["at"]), **json.loads(row["alert"]), "delivery": json.loads(row["delivery"] or "null")}
        for row in rows
    ]


def facts_of_alerts(project: Project, prefix: str) -> dict[str, dict[str, Any]]:
    """Return the facts of the alerts whose key begins with `prefix`, by key."""
    query = sa.select(ALERTS.c.key, ALERTS.c.alert).where(ALERTS.c.key.startswith(prefix, autoescape=True))
    with project.database.reading() as connection:
        rows = connection.execute(query.order_by(ALERTS.c.seq)).all()
    return {key: json.loads(alert)["facts"] for key, alert in rows}


def _log_first(project: Project, alert: Alert, services: Mapping[str, str], now: datetime) -> bool:
    """Claim the key and append the log line in one transaction; False where the key has alerted before."""
    fields = json_value(asdict(alert))
    with project.database.writing() as connection:
        row = {"key": alert.key, "at": now, "model": alert.model, "alert": json.dumps(fields, ensure_ascii=False)}
        if services:
            row["delivery"] = json.dumps({"sending": _sending(services, now)})
        if not insert_if_absent(connection, ALERTS, row):
            return False
        _append(alerts_log(project), {"at": now, **fields})
    return True


def _append(path: Path, line: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, canonical_json(line) + b"\n")
        os.fsync(file)
    finally:
        os.close(file)


def _record_delivery(project: Project, alert: Alert, sent: Sent, now: datetime) -> None:
    delivery: dict[str, Any] = {"delivered": list(sent.delivered), "undelivered": dict(sent.undelivered)}
    with project.database.writing() as connection:
        text = connection.scalar(sa.select(ALERTS.c.delivery).where(ALERTS.c.key == alert.key))
        before = json.loads(text or "{}")
        before.pop("sending", None)
        kept = {**before, **delivery, "delivered": [*before.get("delivered", ()), *sent.delivered]}
        update_rows(connection, ALERTS, ALERTS.c.key == alert.key, {"delivery": json.dumps(kept)})
    _append(alerts_log(project), {"at": now, "key": alert.key, **delivery})


def _deliver(services: Mapping[str, str], alert: Alert, patience_seconds: float) -> dict[str, str | None]:
    """Send to all services at once; return the problem of each, None where it was delivered."""
    outcomes: dict[str, str | None] = dict.fromkeys(services, f"no answer within {patience_seconds:g} s")
    if not services:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        targets = {name: _open_service(url) for name, url in services.items()}
    until = time.monotonic() + patience_seconds
    threads = [
        threading.Thread(target=_notify, args=(name, target, alert, outcomes), daemon=True)
        for name, target in targets.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return dict(outcomes)


def _open_service(url: str) -> Any:
    """Return the service alone in a hub, which converts texts to its format; None where the URL names none."""
    import apprise

    asset = apprise.AppriseAsset(storage_mode="memory", async_mode=False)
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        return None
    if "overflow=" not in url:  # a chat that takes 2,000 characters would refuse a digest of 30 models
        service.overflow_mode = apprise.OverflowMode.SPLIT
    return apprise.Apprise(service, asset=asset)


def _notify(name: str, service: Any, alert: Alert, outcomes: dict[str, str | None]) -> None:
    """Send to one service and note the outcome; an exception of the service is not raised further."""
    if service is None:
        outcomes[name] = "not a URL that apprise understands"
        return
    try:
        written = "markdown" if alert.markdown else "text"
        kind = _APPRISE_TYPE[alert.severity]
        done = service.notify(title=alert.title, body=alert.text, notify_type=kind, body_format=written)
        outcomes[name] = None if done else "the service refused it or could not be reached"
    except Exception as error:
        outcomes[name] = f"{type(error).__name__} while sending"
