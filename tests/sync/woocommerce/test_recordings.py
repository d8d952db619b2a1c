"""Every delivery that was recorded is replayed at the door and ends in the right mirror state."""

from collections.abc import Iterator
from datetime import time

import pytest

from catalog_mirror.models import QuarantinedRecord, Revision, Source, Variant
from sync import connections, http, lines
from sync.connectors import Way
from sync.models import InboundEvent
from tests.sync.hooks import DEAD, DONE, SECRET, follow_all, post, signature
from tests.sync.test_reconcile import mirrored
from tests.sync.woocommerce.recorded_shop import RecordedShop, steps

STEPS = steps()
# Bodies that are errors: what they tell of was gone, or no product.
ERRORS = {"20-update-then-permanent-delete-before-delivery", "21-untrash-coupon-cli"}
FOREIGN = {"21-trash-coupon-rest", "21-trash-page-cli", "29-trash-order-rest"}
# What was told has no SKU of its own, and is quarantined.
UNSOLD = {3532: "sku_inherited"}


@pytest.fixture
def recorded(database, monkeypatch) -> Iterator[RecordedShop]:
    shop = RecordedShop()
    monkeypatch.setattr(http, "pause", lambda seconds: None)
    monkeypatch.setattr(http.Wire, "_ask", shop.answer)
    source = Source.objects.create(slug="recorded", name="Recorded", currency="EUR")
    key = {"consumer_key": "ck_x", "consumer_secret": "cs_x"}
    connections.connect(
        source,
        kind="woocommerce",
        way=Way(base_url="https://shop.example", key=key),
        per_second=500,
        sweep_at=time(3),
    )
    connections.set_hook_secret(source, SECRET)
    yield shop
    lines.hang_up()


def replay(step: dict, *, order: int = 1, times: int = 1) -> list[int]:
    """Deliver a step's recorded bodies, signed anew: the recorded shop's secret was not kept."""
    statuses = []
    for headers, text in list(step["deliveries"])[::order] * times:
        body = text.encode()
        own = {} if "webhook_id=" in text else {"X-WC-Webhook-Signature": signature(body)}
        statuses.append(post("recorded", body, headers | own).status_code)
    return statuses


def test_the_whole_recording_was_read():
    assert (len(STEPS), sum(len(step["deliveries"]) for step in STEPS)) == (79, 131)


@pytest.mark.parametrize(("order", "times"), [(1, 1), (-1, 1), (1, 3), (-1, 2)])
def test_each_step_ends_in_what_the_shop_holds(recorded, order, times):
    """One after another, since each begins where the one before ended."""
    for step in STEPS:
        before = Revision.objects.count()
        told = recorded.hold(step)
        count = InboundEvent.objects.count()
        assert set(replay(step, order=order, times=times)) == {200}, step["step"]
        follow_all()
        kept = InboundEvent.objects.order_by("pk")[count:]
        wanted = DEAD if step["step"] in ERRORS else DONE
        assert {event.status for event in kept} <= {wanted}, step["step"]
        has_pings = any("webhook_id=" in text for _, text in step["deliveries"])
        assert len(kept) == (0 if has_pings else len(step["deliveries"]) * times), step["step"]
        if step["step"] in ERRORS | FOREIGN:
            assert Revision.objects.count() == before, step["step"]
        is_live = mirrored()
        for number in told:
            expected = None if number in UNSOLD else recorded.expected(number)
            assert is_live.get(str(number)) == expected, (step["step"], number)
    assert Variant.objects.filter(retired_at=None).count() == 38
    reasons = dict(QuarantinedRecord.objects.values_list("external_id", "reason"))
    assert reasons == {str(number): reason for number, reason in UNSOLD.items()}


def test_all_of_it_at_once_ends_in_the_same(recorded):
    """As after a day on which no worker ran."""
    told = [number for step in STEPS for number in recorded.hold(step)]
    for step in STEPS:
        assert set(replay(step)) == {200}
    follow_all()
    is_live = mirrored()
    for number in set(told) - set(UNSOLD):
        assert is_live.get(str(number)) == recorded.expected(number), number


def test_parent_managed_stock_moves_the_variations_that_nothing_told_of(recorded):
    by_name = {step["step"]: step for step in STEPS}
    for name, quantity in (
        ("10-order-variation-parent-stock", 5),
        ("10-order-parent-stock-sells-out", 0),
    ):
        recorded.hold(by_name[name])
        replay(by_name[name])
        follow_all()
        rows = Variant.objects.filter(product__external_id=3536).order_by("external_id")
        assert list(rows.values_list("external_id", "stock_on_hand")) == [
            ("3537", quantity), ("3538", quantity),
        ]  # fmt: skip
