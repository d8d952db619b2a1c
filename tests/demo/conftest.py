"""A small shop on loopback, and a client that knows its key."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from demo.shops import small_shop
from demo.storefront.server import running
from demo.storefront.storefront import Storefront

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: int = 60) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


class Client(requests.Session):
    """Asks as if over https, with the shop's key."""

    def __init__(self, url: str, storefront: Storefront) -> None:
        super().__init__()
        self.url = url
        self.auth = (storefront.shop.consumer_key, storefront.shop.consumer_secret)
        self.headers["X-Forwarded-Proto"] = "https"

    def rest(self, path: str, **query: object) -> requests.Response:
        return self.get(f"{self.url}/wp-json/wc/v3{path}", params=query, timeout=10)

    def product(self, product_id: int) -> dict:
        return self.rest(f"/products/{product_id}").json()

    def ids(self, **query: object) -> list[int]:
        asked = {"per_page": 100, "_fields": "id", **query}
        return [record["id"] for record in self.rest("/products", **asked).json()]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storefront(clock: Clock) -> Storefront:
    return Storefront(small_shop(1), clock=clock)


@pytest.fixture
def client(storefront: Storefront) -> Iterator[Client]:
    with running(storefront) as url, Client(url, storefront) as session:
        yield session
