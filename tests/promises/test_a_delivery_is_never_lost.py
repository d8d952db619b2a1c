"""Promise, the outbound half: every message is delivered or a dead letter, whatever is killed meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from django.db import connection

from outbound_hooks.models import Delivery, Endpoint
from tests.factories import cast, client_of, fixed_price, variant, withdrawn
from tests.outbound_hooks.conftest import registered
from tests.outbound_hooks.receivers import Receiver, receiving
from tests.promises.processes import Processes, wait_for

SKUS = ("PEN-01", "MUG-11-BLK", "MUG-11-WHT", "CAP-01")


@pytest.fixture
def people(database, settings):
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    return cast()


@contextmanager
def at_work(folder: Path) -> Iterator[Processes]:
    running = Processes(folder)
    try:
        running.start("deliverer")
        yield running
    finally:
        running.end()


class Copy:
    """A client that lives by deliveries alone, in any order and repeated: it goes by their versions."""

    def __init__(self, customer) -> None:
        data = client_of(customer).get("/v1/changes").json()["data"]
        self.held = {each["sku"]: (each["version"], each["item"]) for each in data}

    def apply(self, receiver: Receiver) -> "Copy":
        for received in receiver.received:
            for change in received.said["data"].get("changes", ()):
                held = self.held.get(change["sku"], ("", None))
                if change["version"] > held[0]:
                    self.held[change["sku"]] = (change["version"], change.get("item"))
        return self

    @property
    def items(self) -> dict:
        return {sku: item for sku, (_, item) in self.held.items() if item is not None}


def view_of(customer) -> dict:
    data = client_of(customer).get("/v1/changes").json()["data"]
    return {each["sku"]: each["item"] for each in data}


def edit(people, dice: Random, standing: list) -> None:
    """Change a price, or take such a change back."""
    if standing and dice.random() < 0.4:
        withdrawn(standing.pop(dice.randrange(len(standing))))
        return
    amount = f"{dice.randrange(100, 900) / 100:.2f}"
    sku = variant(dice.choice(SKUS))
    priority = dice.randrange(30_000)
    standing.append(fixed_price(amount, customer=people.alice, variant=sku, priority=priority))


def all_told() -> bool:
    newest = "select max(number) from catalog_mirror_revision"
    with connection.cursor() as cursor:
        cursor.execute(newest)
        (number,) = cursor.fetchone()
    is_seen = not Endpoint.objects.filter(seen_revision__lt=number).exists()
    return is_seen and not Delivery.objects.filter(status="pending").exists()


def all_arrived(receiver: Receiver) -> None:
    """What arrived is what the database has, and all of it is told as delivered."""
    told = Delivery.objects.values_list("message_id", "status")
    assert {status for _, status in told} == {"delivered"}
    assert set(receiver.ids) == {message for message, _ in told}


def test_nothing_is_lost_when_the_deliverer_is_killed_in_mid_sending(people, clock, tmp_path):
    holds, goes_on = threading.Event(), threading.Event()

    def slow(_):
        holds.set()
        goes_on.wait(30)
        return 200, {}, b""

    with receiving(Receiver(slow)) as receiver, at_work(tmp_path) as running:
        registered(people.alice, receiver.url)
        copy, dice, standing = Copy(people.alice), Random(1), []  # noqa: S311
        edit(people, dice, standing)
        assert holds.wait(60)  # it is being sent, and its answer is awaited
        running.kill("deliverer")
        goes_on.set()
        assert Delivery.objects.get().is_taken
        for _ in range(10):
            edit(people, dice, standing)
        running.start("deliverer")
        clock.move(timedelta(seconds=31))  # the claim of what the killed one had in hand
        wait_for(all_told)
        all_arrived(receiver)
        assert len(receiver.ids) > len(set(receiver.ids))  # told twice, under one id
        assert copy.apply(receiver).items == view_of(people.alice)


@pytest.mark.slow
def test_a_killed_deliverer_s_message_is_tried_again_within_45_seconds(
    people, tmp_path, record_property
):
    holds, goes_on = threading.Event(), threading.Event()

    def slow(_):
        holds.set()
        goes_on.wait(60)
        return 200, {}, b""

    with receiving(Receiver(slow)) as receiver, at_work(tmp_path) as running:
        registered(people.alice, receiver.url)
        edit(people, Random(1), [])  # noqa: S311
        assert holds.wait(60)
        running.kill("deliverer")
        goes_on.set()
        running.start("deliverer")
        took = wait_for(all_told)
        record_property("deliverer killed, s until delivered", f"{took:.1f}")
        assert took < 45
        all_arrived(receiver)


@pytest.mark.slow
def test_nothing_is_lost_in_500_changes_and_30_kills(people, tmp_path, record_property):
    """Two deliverers; one is killed, or the backends of the database that serve them are."""
    dice, standing = Random(7), []  # noqa: S311 - repeatable, not secret
    refuses = Random(8)  # noqa: S311

    def moody(_):
        return (503 if refuses.random() < 0.05 else 200), {"Retry-After": "1"}, b""

    with receiving(Receiver(moody)) as receiver, at_work(tmp_path) as running:
        endpoint, _ = registered(people.alice, receiver.url)
        copy = Copy(people.alice)
        for number in range(500):
            edit(people, dice, standing)
            if number % 17 == 16:
                if dice.random() < 0.7:
                    running.kill("deliverer")
                    running.start("deliverer")
                else:
                    cut_off_the_others()
        receiver.answer = lambda _: (200, {}, b"")
        Endpoint.objects.filter(pk=endpoint.pk).update(closed_until=None)
        wait_for(all_told, seconds=400)
        all_arrived(receiver)
        assert copy.apply(receiver).items == view_of(people.alice)
        record_property("changes / kills / lost at the receiver", f"500 / {500 // 17} / 0")


def cut_off_the_others() -> None:
    """Kill the database's backends that serve other processes, as an operator's restart does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
