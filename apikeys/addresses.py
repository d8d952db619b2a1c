"""Where a request comes from, believing only the proxies that are ours."""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

# What one caller may be taken to hold: an IPv6 subscriber has a /64 to choose addresses from.
_SOURCE = {4: 32, 6: 64}
# What a network is to a key: within these a provider moves its customers about.
_NETWORK = {4: 24, 6: 48}
# Pseudonyms lie in fd00::/8, where no public address does.
_PSEUDONYM = 0xFD << 120
# Longer than any address; what it is cut to is kept.
_LONGEST = 100


@dataclass(frozen=True)
class Origin:
    """An address as the admission wants it; only `address` is the real one, and it is not kept.

    `logged` stands in the log, `network` is what is remembered for a key, and `source` what refusals
    are counted by. Where addresses are hashed these three are pseudonyms.
    """

    address: str | None
    logged: str | None
    network: str | None
    source: str


def client_address(request: HttpRequest) -> str | None:
    """Return the caller's address: the peer's, or what the outermost of our proxies saw."""
    hops = [request.META.get("REMOTE_ADDR", "")]
    if settings.TRUSTED_PROXIES:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        hops = [*forwarded, *hops][-settings.TRUSTED_PROXIES - 1 :]
    return _plain(hops[0].strip()[:_LONGEST])


@lru_cache(maxsize=10_000)
def _plain(hop: str) -> str | None:
    """Return a hop's address alone; None for what is none."""
    try:
        # A zone ("fe80::1%eth0") names an interface of ours and is no part of an `inet`.
        address = ip_address(_without_port(hop).partition("%")[0])
    except ValueError:
        return None
    # A socket that takes both kinds tells IPv4 as ::ffff:203.0.113.7, which no IPv4 network contains.
    return str(getattr(address, "ipv4_mapped", None) or address)


def source_of(request: HttpRequest) -> str:
    """Return what a caller is counted by: an address, an IPv6 subscriber's /64, or a pseudonym of it."""
    return origin_of(client_address(request), hashed=settings.HASH_ADDRESSES).source


def _without_port(text: str) -> str:
    """Return the address of `203.0.113.7:5678` and `[2001:db8::1]:5678`, as some proxies write it."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


@lru_cache(maxsize=10_000)
def origin_of(address: str | None, *, hashed: bool) -> Origin:
    """Return how an address is logged, remembered and counted; `hashed` hides it in all three."""
    if address is None:
        return Origin(None, None, None, "0.0.0.0")  # noqa: S104 - who cannot be told apart
    version = ip_address(address).version
    source = str(ip_network((address, _SOURCE[version]), strict=False).network_address)
    network = str(ip_network((address, _NETWORK[version]), strict=False))
    if not hashed:
        return Origin(address, address, network, source)
    return Origin(address, pseudonym(address), pseudonym(network), pseudonym(source))


def pseudonym(text: str) -> str:
    """Return 120 bits of a keyed hash, in the form of an address; SECRET_KEY is the key."""
    digest = salted_hmac("apikeys.addresses", text, algorithm="sha256").digest()
    return str(IPv6Address(_PSEUDONYM | int.from_bytes(digest[:15], "big")))
