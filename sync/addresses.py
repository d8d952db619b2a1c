"""Addresses of shops, as people give them and as they are kept."""

from urllib.parse import urlsplit

from sync.connectors import WrongSettings


def web_address(text: str, *, may_ask: bool = False) -> str:
    """Return a shop's address without its last slash; raise `WrongSettings`. A query only if it may."""
    parts = urlsplit(text.strip())
    is_web = parts.scheme in {"http", "https"} and parts.hostname
    if not is_web or "@" in parts.netloc or parts.fragment or (parts.query and not may_ask):
        raise WrongSettings(
            "An address is like https://shop.example, without a query or a key in it."
        )
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/") + query


def shown(url: str) -> str:
    """Return an address for a message: what stands in its query or before its host may be a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:200]
