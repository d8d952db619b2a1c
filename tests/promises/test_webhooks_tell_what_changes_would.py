"""Promise: no delivery holds what `/v1/changes` would not give that customer at that moment."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from django.core.exceptions import ValidationError

from contract import delta
from outbound_hooks.delivering import deliver_once, dispatch_all
from outbound_hooks.models import Endpoint
from tests.factories import (
    INKWELL,
    a_product,
    a_variant,
    allow,
    cast,
    client_of,
    deny,
    fixed_price,
    mirrored,
    now,
    percent_off,
    terms_changed,
    withdrawn,
)
from tests.outbound_hooks.conftest import registered
from tests.outbound_hooks.receivers import receiving

STEPS = 25


@pytest.fixture
def people(database, settings):
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    return cast()


class Life:
    """Random rules, prices, stock, tiers and windows of a small installation."""

    def __init__(self, people, clock, dice: Random) -> None:
        self.people, self.clock, self.dice = people, clock, dice
        self.rules: list = []

    def step(self) -> None:
        moves = (self.reprice, self.reprice, self.show, self.hide, self.withdraw, self.restock,
                 self.retier, self.wait)  # fmt: skip
        with suppress(ValidationError):  # an equal rule stands already
            self.dice.choice(moves)()

    def who(self) -> dict:
        people = self.people
        return self.dice.choice(
            [{"customer": people.alice}, {"customer": people.bob}, {"tier": people.gold}, {}]
        )

    def what(self) -> dict:
        people = self.people
        choices = [{}, {"brand": people.northcup}, {"category": people.mugs}]
        return self.dice.choice([*choices, {"product": people.mug}])

    def when(self) -> dict:
        # Minutes, so that what the test itself takes seldom opens a window between two looks.
        begins = now() + timedelta(minutes=self.dice.randrange(-5, 30))
        ends = begins + timedelta(minutes=self.dice.randrange(1, 30))
        windows = [{}, {"starts_at": begins}, {"ends_at": ends}]
        return self.dice.choice([*windows, {"starts_at": begins, "ends_at": ends}])

    def reprice(self) -> None:
        says = {**self.who(), **self.what(), **self.when(), "priority": len(self.rules)}
        if self.dice.random() < 0.5:
            amount = f"{self.dice.randrange(100, 900) / 100:.2f}"
            self.rules.append(fixed_price(amount, **says))
        else:
            self.rules.append(percent_off(str(self.dice.randrange(1, 99)), **says))

    def show(self) -> None:
        self.once(allow)

    def hide(self) -> None:
        self.once(deny)

    def once(self, rule) -> None:
        starts_at = now() - timedelta(seconds=self.dice.randrange(1, 10_000_000))
        self.rules.append(rule(**self.who(), **self.what(), starts_at=starts_at))

    def withdraw(self) -> None:
        if self.rules:
            withdrawn(self.rules.pop(self.dice.randrange(len(self.rules))))

    def restock(self) -> None:
        pen = a_variant(
            "3",
            sku=self.dice.choice(["PEN-01", "PEN-01", "PEN-01-NEW"]),
            list_price=Decimal(self.dice.randrange(100, 400)) / 100,
            on_hand=self.dice.randrange(9),
        )
        product = a_product(
            "p2", pen, code="PEN", brand=INKWELL, category_external_ids=("writing",)
        )
        mirrored(self.people.source, product)

    def retier(self) -> None:
        terms_changed(self.people.alice, tier=self.dice.choice([None, self.people.gold]))

    def wait(self) -> None:
        self.clock.move(timedelta(minutes=self.dice.randrange(1, 20)))


def entries(client, cursor: str) -> set:
    """What `/v1/changes` gives from a cursor, to the end of its pass."""
    found, name = [], "since"
    while True:
        page = client.get("/v1/changes", {name: cursor, "limit": 500}).json()
        found += page["data"]
        if not page["has_more"]:
            return {fingerprint(each) for each in found}
        cursor = page["next_cursor"]


def fingerprint(entry: dict) -> str:
    """An entry without its version, which tells when it was asked for."""
    return repr(sorted((name, value) for name, value in entry.items() if name != "version"))


@pytest.mark.parametrize("seed", range(6))
def test_what_is_delivered_is_what_polling_would_tell(people, clock, seed):
    life(people, clock, Random(seed))  # noqa: S311 - repeatable, not secret


@pytest.mark.parametrize("seed", range(3))
def test_what_is_told_in_one_message_is_what_polling_from_its_cursor_tells(
    people, clock, monkeypatch, seed
):
    """A page looks at two variants, so that much is very much."""
    monkeypatch.setattr(delta, "EXAMINED", 2)
    assert life(people, clock, Random(seed)) > 3  # noqa: S311


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6, 200))
def test_what_is_delivered_is_what_polling_would_tell_in_longer_lives(people, clock, seed):
    life(people, clock, Random(seed), steps=100)  # noqa: S311


def life(people, clock, dice: Random, *, steps: int = STEPS) -> int:
    """Live, deliver, compare; return how many messages told very much at once."""
    told_at_once = 0
    lived = Life(people, clock, dice)
    customers = {"alice": people.alice, "bob": people.bob}
    with receiving() as receiver:
        clients = {}
        for name, customer in customers.items():
            registered(customer, f"{receiver.url}/{name}")
            clients[name] = client_of(customer)
        for _ in range(steps):
            for _ in range(dice.randrange(1, 4)):
                lived.step()
            start = len(receiver.received)
            expected = {
                name: entries(clients[name], Endpoint.objects.get(customer=customer).cursor)
                for name, customer in customers.items()
            }
            while dispatch_all():
                pass
            while deliver_once():
                pass
            for name in customers:
                mine = [each.said for each in receiver.received[start:] if each.path.endswith(name)]
                bulk = [said["data"] for said in mine if said["type"] == "catalogue.changed"]
                arrived = [
                    fingerprint(change)
                    for said in mine
                    for change in said["data"].get("changes", ())
                ]
                for data in bulk:
                    assert entries(clients[name], data["cursor"]) == expected[name]
                    assert 0 < data["count"] <= len(client_view(clients[name]))
                assert set(arrived) == (set() if bulk else expected[name])
                assert len(arrived) == len(set(arrived))
                told_at_once += len(bulk)
    return told_at_once


def client_view(client) -> list:
    return client.get("/v1/products?limit=500").json()["data"]
