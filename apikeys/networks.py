"""The networks that a key may be used from, as people write them."""

from collections.abc import Iterable
from ipaddress import ip_network

from django.core.exceptions import ValidationError

MOST_NETWORKS = 50


def networks_of(texts: Iterable[str]) -> list[str]:
    """Return networks in their one form, each once; a lone address is a network of one.

    Raise `ValidationError` for what is none.
    """
    found = list(dict.fromkeys(_network(text.strip()) for text in texts if text.strip()))
    if len(found) > MOST_NETWORKS:
        raise ValidationError(f"At most {MOST_NETWORKS} networks. Take a wider one.")
    return found


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValidationError(
            f"{text[:60]} is no network. Write it as 203.0.113.0/24 or 2001:db8::/48, without bits "
            "behind the prefix."
        ) from error
