"""What one request, and one worker, takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one request may ask for, and what one worker has in progress. More is refused.

    Attributes
    ----------
    body
        Bytes of a request.
    rows
        Rows of a request.
    seconds
        How long a body may take to come, and an answer to be made.
    requests
        Requests in progress.
    rows_at_once
        Rows in progress, of requests that ask about several.
    explanations
        Explanations in progress.
    wait
        Seconds until the turn of a request.
    connections
        Open connections.
    """

    body: int = 2**20
    rows: int = 1000
    seconds: float = 10.0
    requests: int = 256
    rows_at_once: int = 4000
    explanations: int = 4
    wait: float = 0.25
    connections: int = 4000
