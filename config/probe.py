"""`python config/probe.py URL`: exits 0 where a URL answers below 400; for health checks of containers."""

import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit

SECONDS = 4
_REFUSED = 400


def status_of(url: str) -> int:
    """Return the status that a plain http URL is answered with."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    connection.request("GET", parts.path)
    return connection.getresponse().status


if __name__ == "__main__":
    sys.exit(status_of(sys.argv[1]) >= _REFUSED)
