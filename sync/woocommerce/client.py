"""Asks a WooCommerce shop: addresses, signatures, and answers read as JSON."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from sync.http import Answer, Question, ShopAnswersNonsense, Turns, Wire
from sync.signing import basic_header, escaped, query_of

Params = Mapping[str, str | int]
Sign = Callable[[str, Params], Question]
_OK, _NOT_FOUND = 200, 404
NO_ROUTE = "rest_no_route"


@dataclass(frozen=True, kw_only=True)
class Key:
    consumer_key: str
    consumer_secret: str


@dataclass(frozen=True)
class Listed:
    """A page of a list with the total that the shop tells."""

    records: list[dict[str, Any]]
    total: int


class NoSuchThing(Exception):
    """The shop answers 404; `code` says whether the record or the whole route is missing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Client:
    def __init__(self, base_url: str, key: Key, *, turns: Turns) -> None:
        self.base_url = base_url.rstrip("/")
        self.wire = Wire(turns=turns)
        self.sign = basic(key) if urlsplit(base_url).scheme == "https" else oauth(key)

    def one(self, path: str, **params: str | int) -> dict[str, Any]:
        """Read one record; raise `NoSuchThing` on 404."""
        body, _ = self._get(path, params)
        if not isinstance(body, dict):
            raise _nonsense(path)
        return body

    def many(self, path: str, **params: str | int) -> list[dict[str, Any]]:
        """Read a list that has no pages; raise `NoSuchThing` on 404."""
        body, _ = self._get(path, params)
        return _list(path, body)

    def page(self, path: str, **params: str | int) -> Listed:
        """Read one page of a list; raise `NoSuchThing` on 404."""
        body, answer = self._get(path, params)
        total = answer.headers.get("X-WP-Total", "")
        if not total.isdecimal():
            raise _nonsense(path)
        return Listed(_list(path, body), int(total))

    def _get(self, path: str, params: Params) -> tuple[Any, Answer]:
        url = f"{self.base_url}/wp-json{path}"
        answer = self.wire.send("GET", lambda: self.sign(url, params))
        try:
            body = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise _nonsense(path) from error
        if answer.status == _NOT_FOUND and isinstance(body, dict) and body.get("code"):
            raise NoSuchThing(str(body["code"]))
        if answer.status != _OK:
            raise ShopAnswersNonsense(
                f"The shop answers {answer.status} for {path}. Open its address in a browser and see "
                "whether WooCommerce's REST API is on."
            )
        return body, answer


def basic(key: Key) -> Sign:
    """Sign with HTTP Basic, which WooCommerce takes over https only."""
    headers = basic_header(key.consumer_key, key.consumer_secret)
    return lambda url, params: Question(f"{url}?{query_of(params)}", headers)


def oauth(key: Key) -> Sign:
    """Sign with OAuth 1.0a (RFC 5849, 3.4) without a token, WooCommerce's way over plain http."""

    def sign(url: str, params: Params) -> Question:
        signed = {
            **params,
            "oauth_consumer_key": key.consumer_key,
            "oauth_nonce": secrets.token_hex(16),
            "oauth_signature_method": "HMAC-SHA256",
            "oauth_timestamp": int(time.time()),
        }
        text = "&".join(map(escaped, ("GET", url, query_of(signed))))
        digest = hmac.new(
            f"{key.consumer_secret}&".encode(), text.encode(), hashlib.sha256
        ).digest()
        signature = base64.b64encode(digest).decode()
        return Question(f"{url}?{query_of({**signed, 'oauth_signature': signature})}")

    return sign


def _list(path: str, body: object) -> list[dict[str, Any]]:
    if not (isinstance(body, list) and all(isinstance(each, dict) for each in body)):
        raise _nonsense(path)
    return body


def _nonsense(path: str) -> ShopAnswersNonsense:
    return ShopAnswersNonsense(
        f"The shop's answer for {path} is not what WooCommerce sends. Open its address in a browser: "
        "it may be in maintenance, or a plugin may write into its answers."
    )
