"""The prediction service: requests in, answers out, and what it serves at the moment. It computes no feature itself."""

__all__ = ["access", "limits", "posted_source", "processes", "service", "tracing"]
