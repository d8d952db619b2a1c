"""Requests and answers of a storefront, without WSGI's dictionary."""

import gzip
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from demo.storefront.bodies import ESCAPED_HOME, encoded
from demo.storefront.shown import HOME

Params = dict[str, str | list[str]]
MAX_FORM = 64 * 1024  # bytes; the page's own forms are far smaller


class RestError(Exception):
    """An answer that is an error, in WordPress's words."""

    def __init__(self, status: int, code: str, message: str, **data: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body = {"code": code, "message": message, "data": {"status": status, **data}}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    pairs: tuple[tuple[str, str], ...]
    base: str  # scheme and host as the client sees them
    authorization: str
    accepts_gzip: bool
    origin: str
    form: dict[str, str]

    @property
    def is_https(self) -> bool:
        return self.base.startswith("https:")

    @property
    def params(self) -> Params:
        """Return the query as PHP reads it: `name[]` and `name[0]` make lists."""
        found: Params = {}
        for name, value in self.pairs:
            key, bracket, _ = name.partition("[")
            known = found.get(key)
            if bracket:
                found[key] = [*(known if isinstance(known, list) else []), value]
            else:
                found[key] = value
        return found


@dataclass
class Response:
    body: bytes = b""
    status: int = 200
    type: str = "application/json; charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False  # whether the connection drops in mid-body, for tests

    def at_home(self, base: str, *, accepts_gzip: bool) -> "Response":
        """Put the asked scheme and host into body and links, and compress when asked to."""
        escaped = base.replace("/", "\\/").encode()
        self.body = self.body.replace(ESCAPED_HOME, escaped).replace(HOME.encode(), base.encode())
        self.headers = {name: value.replace(HOME, base) for name, value in self.headers.items()}
        if accepts_gzip and self.status == 200:  # noqa: PLR2004 - errors go plain (recorded)
            self.body = gzip.compress(self.body, 1, mtime=0)
            self.headers["Content-Encoding"] = "gzip"
        return self


def request_from(environ: dict[str, Any]) -> Request:
    """Read a WSGI environment; `X-Forwarded-Proto: https` counts as https."""
    scheme = environ.get("HTTP_X_FORWARDED_PROTO") or environ["wsgi.url_scheme"]
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    pairs = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"].encode("latin-1").decode(errors="replace"),
        pairs=tuple(pairs),
        base=f"{scheme}://{host}",
        authorization=environ.get("HTTP_AUTHORIZATION", ""),
        accepts_gzip="gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""),
        origin=environ.get("HTTP_ORIGIN", ""),
        form=_form(environ),
    )


def _form(environ: dict[str, Any]) -> dict[str, str]:
    size = int(environ.get("CONTENT_LENGTH") or 0)
    if environ["REQUEST_METHOD"] != "POST" or not 0 < size <= MAX_FORM:
        return {}
    body = environ["wsgi.input"].read(size)
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def json_response(body: object, status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(encoded(body), status=status, headers=named)
