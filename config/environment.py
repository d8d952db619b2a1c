"""What the environment says of a deployment; what is missing or wrong ends the start with one line.

`NAME_FILE` may name a file that holds the value of `NAME`, as secrets are handed to containers.
"""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet, MultiFernet

from groundwork.local import local_secret

_Value = TypeVar("_Value")
_environment = environ.FileAwareEnv()
_YES, _NO = ("true", "on", "yes", "1"), ("false", "off", "no", "0")
_SHORTEST_SECRET = 32  # characters


def read_file(path: Path) -> None:
    """Take what a file of `NAME=value` lines says, where the environment says nothing."""
    environ.Env.read_env(path)


def refuse(name: str, fault: str, *, example: str) -> NoReturn:
    """End the start with one line that names a setting, what is wrong with it, and an example."""
    raise SystemExit(
        f"{name} {fault}, as in {name}={example} (.env.example tells of all settings)."
    )


def given(name: str) -> str:
    """Return what is said of a setting; blank is the same as nothing."""
    try:
        return str(_environment.str(name, default="")).strip()
    except (OSError, environ.ImproperlyConfigured):
        refuse(f"{name}_FILE", "names a file that cannot be read", example="/run/secrets/name")


def text(name: str, default: str | None = None, *, example: str, among: Sequence[str] = ()) -> str:
    """Return a text; without a default it must be given."""
    value = given(name) or default
    if value is None:
        refuse(name, "is missing", example=example)
    if among and value not in among:
        refuse(name, f"is {value!r}, not one of {', '.join(among)}", example=example)
    return value


def flag(name: str, *, default: bool) -> bool:
    value = given(name).lower()
    if value and value not in (*_YES, *_NO):
        refuse(name, f"is {value!r}, neither true nor false", example=str(default).lower())
    return value in _YES if value else default


def number(name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    bounds = f"{least} or more" if most is None else f"from {least} to {most}"
    return _parsed(
        name,
        default,
        parse=int,
        holds=lambda n: n >= least and (most is None or n <= most),
        wanted=f"a whole number, {bounds}",
    )


def share(name: str, default: float) -> float:
    """Return a part of one; nothing and all of it are parts."""
    return _parsed(
        name, default, parse=float, holds=lambda part: 0 <= part <= 1, wanted="from 0 to 1"
    )


def _parsed(
    name: str,
    default: _Value,
    *,
    parse: Callable[[str], _Value],
    holds: Callable[[_Value], bool],
    wanted: str,
) -> _Value:
    value = given(name)
    try:
        parsed = parse(value) if value else default
    except ValueError:
        parsed = None
    if parsed is None or not holds(parsed):
        refuse(name, f"is {value!r}, not {wanted}", example=str(default))
    return parsed


def several(name: str, default: Sequence[str]) -> list[str]:
    """Return the parts between commas."""
    parts = [part.strip() for part in given(name).split(",") if part.strip()]
    return parts or list(default)


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Return the networks between commas; an address is a network of one."""
    try:
        return [ip_network(part) for part in several(name, [])]
    except ValueError as error:
        refuse(name, f"holds what is no network ({error})", example="192.0.2.0/24,2001:db8::/32")


def path(name: str, default: str) -> str:
    """Return the path of an area, without the slash before it and with the one behind it."""
    value = (given(name) or default).strip("/")
    if not re.fullmatch(r"[a-z0-9][a-z0-9/_-]*", value):
        refuse(name, f"is {value!r}, not letters, digits, dashes and slashes", example=default)
    return f"{value}/"


def address(name: str, default: str | None = None, *, schemes: Sequence[str], example: str) -> str:
    """Return a URL of one of these schemes; a faulty one is not shown, as it may hold a password."""
    value = text(name, default, example=example)
    try:
        parts = urlsplit(value)
        is_whole = parts.scheme in schemes and bool(parts.hostname or parts.path)
    except ValueError:
        is_whole = False
    if value and not is_whole:
        refuse(name, f"is no {schemes[0]}:// URL", example=example)
    return value


def database(name: str) -> dict[str, Any]:
    """Return Django's settings of the Postgres that a URL names; empty where none is given."""
    example = "postgres://user:password@db.example:5432/tradecounter"
    url = given(name)
    if not url:
        return {}
    try:
        found = dict(_environment.db_url_config(url))
    except (ValueError, KeyError, environ.ImproperlyConfigured):
        refuse(name, "cannot be read (percent-encode what is odd in the password)", example=example)
    if "postgresql" not in str(found.pop("ENGINE", "")):
        refuse(name, "is no postgres:// URL", example=example)
    if not found.get("NAME"):
        refuse(name, "names no database", example=example)
    return found


def secret(name: str, *, is_local: bool, example: str) -> str:
    """Return a secret: required in a deployment, made by the checkout where it runs alone."""
    value = given(name)
    if not value and is_local:
        return local_secret(name.lower())
    value = value or text(name, example=example)
    if len(value) < _SHORTEST_SECRET:
        refuse(name, f"is shorter than {_SHORTEST_SECRET} characters", example=example)
    return value


def fernet_keys(name: str, *, is_local: bool) -> list[str]:
    """Return keys, newest first: the first one seals, all of them open."""
    example = "$(python3 -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())')"
    keys = [key.strip() for key in secret(name, is_local=is_local, example=example).split(",")]
    keys = [key for key in keys if key]
    try:
        MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        refuse(name, "holds what is no key", example=example)
    return keys
