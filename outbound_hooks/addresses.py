"""Where deliveries may go: https to public addresses, on the port of https, and nowhere else."""

import ipaddress
import socket
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

LONGEST_URL = 2000
_HTTPS = 443

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What Python's `is_global` lets through and must not be reached: IPv4 in the clothes of IPv6, relays, and
# the address by which virtual machines of one cloud reach their host.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64 of one's own
        "2002::/16",  # 6to4
        "2001::/32",  # Teredo
        "::/96",  # IPv4-compatible
        "fec0::/10",  # site-local
        "5f00::/16",  # segment routing
        "192.0.0.0/24",  # protocol assignments, one cloud's metadata among them
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # Azure's host
    )
)

_RESOLVERS = ThreadPoolExecutor(max_workers=64, thread_name_prefix="resolver")
# A name server that hangs takes one resolver for its name, however many wait for it.
_asked: dict[tuple[str, int], "Future[list[Any]]"] = {}
_asked_guard = threading.Lock()


class AddressRefused(Exception):
    """A URL that nothing is sent to; the message says why."""


def checked_url(url: str, *, seconds: float = 5) -> str:
    """Return a URL that deliveries may go to now; raise `AddressRefused`.

    It is looked up here so that a mistake is told at once, and again at every connection.
    """
    host, port, is_plain = _parts(url)
    public_address(host, port, is_plain=is_plain, seconds=seconds)
    return url


def refuse_url(url: str) -> None:
    """Raise `AddressRefused` for a URL that nothing is sent to, wherever its host leads."""
    _parts(url)


def public_address(host: str, port: int, *, is_plain: bool, seconds: float) -> str:
    """Return the address to connect to, every address of the host being public; raise `AddressRefused`.

    What is plain (http), or goes to another port than that of https, leads to this machine or nowhere.
    """
    addresses = _resolved(host, port, seconds)
    is_odd = is_plain or port != _HTTPS
    for address in addresses:
        if not (_is_permitted(address) or (_is_public(address) and not is_odd)):
            raise AddressRefused(f"{host} is {address}, which is not a public address.")
    return str(addresses[0])


def _parts(url: str) -> tuple[str, int, bool]:
    if len(url) > LONGEST_URL or any(char.isspace() or not char.isprintable() for char in url):
        raise AddressRefused(f"A URL has at most {LONGEST_URL} characters, and no blanks.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressRefused(f"This is no URL: {error}.") from None
    schemes = ("https", "http") if settings.WEBHOOKS_TO_THIS_MACHINE else ("https",)
    if parts.scheme not in schemes:
        raise AddressRefused("It begins with https://, nothing else.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(
            "It holds no user name and no password. The signature is what proves us."
        )
    if not host:
        raise AddressRefused("It names no host.")
    if parts.fragment:
        raise AddressRefused("It has no fragment: that part is never sent.")
    if port not in (None, _HTTPS) and not settings.WEBHOOKS_TO_THIS_MACHINE:
        raise AddressRefused(f"It goes to port {_HTTPS}, which needs not be named.")
    is_plain = parts.scheme == "http"
    return host, port or (80 if is_plain else _HTTPS), is_plain


def _resolved(host: str, port: int, seconds: float) -> list[_Address]:
    """Return what a host resolves to; the resolver itself knows no deadline."""
    found = _looked_up(host, port)
    try:
        infos = found.result(timeout=max(seconds, 0))
    except TookTooLong:
        raise AddressRefused(f"{host} could not be looked up in time.") from None
    except (OSError, UnicodeError):
        raise AddressRefused(f"{host} cannot be looked up. Check the name.") from None
    texts = dict.fromkeys(str(info[4][0]).partition("%")[0] for info in infos)
    return [ipaddress.ip_address(text) for text in texts]


def _looked_up(host: str, port: int) -> "Future[list[Any]]":
    """Return the look-up of a name that is under way, or a new one."""
    with _asked_guard:
        found = _asked.get((host, port))
        if found is None or found.done():
            found = _RESOLVERS.submit(
                lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
            _asked[host, port] = found
            found.add_done_callback(lambda _: _asked.pop((host, port), None))
    return found


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return False  # no resolver of ours asks for these, so someone wrote them
    is_public = address.is_global and not (address.is_multicast or address.is_reserved)
    return is_public and not any(address in each for each in _NOT_PUBLIC)


def _is_permitted(address: _Address) -> bool:
    return settings.WEBHOOKS_TO_THIS_MACHINE and address.is_loopback
