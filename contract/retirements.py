"""How a route tells that it will go: `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and where to read on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.http import http_date


@dataclass(frozen=True)
class Retirement:
    """Since when a route is deprecated, when it ends, and the address of what to do instead."""

    deprecated_at: datetime
    sunset_at: datetime | None
    read_on: str

    def headers(self) -> Mapping[str, str]:
        told = {
            "Deprecation": f"@{int(self.deprecated_at.timestamp())}",
            "Link": f'<{self.read_on}>; rel="deprecation"; type="text/html"',
        }
        if self.sunset_at:
            told["Sunset"] = http_date(self.sunset_at.timestamp())
        return told
