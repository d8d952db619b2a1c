"""What a shop tells by webhook is in the mirror once it was followed, and nothing else is."""

import orjson
import pytest

from catalog_mirror.models import QuarantinedRecord, Revision, Variant
from demo.storefront.storefront import Storefront
from sync.models import Connection, InboundEvent
from tests.sync.conftest import moved, picture
from tests.sync.hooks import (
    DONE,
    PENDING,
    deliver,
    follow_all,
    send,
    statuses,
    told,
)
from tests.sync.test_reconcile import CHANGED, mirrored, sellable, simple

SLUG = "small-1"


def variations(shop: Storefront, kind: str) -> list:
    """The variations of one of the shop's odd products."""
    return list(shop.store.catalogue.variations_of(shop.store.catalogue.products[shop.odd[kind]]))


EDITS = {
    "price": lambda s, r: s.edit_price(r.id, "9.99"),
    "sale price": lambda s, r: s.edit_sale_price(r.id, "0.01"),
    "sold": lambda s, r: s.sell(r.id),
    "stock": lambda s, r: s.set_stock(r.id, 7),
    "renamed": lambda s, r: s.rename(r.id, "New"),
    "SKU": lambda s, r: s.rename_sku(r.id, "NEW-1"),
    "hidden": lambda s, r: s.hide(r.id),
    "in the trash": lambda s, r: s.trash(r.id),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_that_is_told_reaches_the_mirror_without_a_sweep(shop, edit):
    record = simple(shop, 0)
    before = picture()
    EDITS[edit](shop, record)
    assert send(SLUG, told(shop)) == [200]
    assert moved(before, picture()) == {}
    follow_all()
    rows = moved(before, picture())
    assert set(rows) >= CHANGED
    assert [row["external_id"] for row in rows["variant"]] == [str(record.id)]
    assert len(rows["revision"]) == 1
    assert statuses() == [DONE]
    assert mirrored() == sellable(shop)


def test_the_revision_and_the_event_carry_the_id_of_the_request(shop):
    shop.edit_price(simple(shop, 0).id, "9.99")
    send(SLUG, told(shop))
    event = InboundEvent.objects.get()
    follow_all()
    revision = Revision.objects.latest("number")
    assert (revision.origin, revision.correlation_id) == ("webhook", event.correlation_id)
    event.refresh_from_db()
    assert (event.merged_into, event.attempts, event.error) == (event.correlation_id, 1, "")


def test_events_of_one_product_are_read_once_and_those_of_many_together(shop):
    records = [simple(shop, at) for at in range(5)]
    for record in records:
        shop.edit_price(record.id, "9.99")
    messages = told(shop)
    send(SLUG, [*messages, *reversed(messages), *messages])
    before = shop_requests(shop)
    follow_all()
    # The products, and once the units of the shop.
    assert shop_requests(shop) - before == 2
    assert statuses() == [DONE] * 15
    assert mirrored() == sellable(shop)
    first = InboundEvent.objects.earliest("pk").correlation_id
    assert set(InboundEvent.objects.values_list("merged_into", flat=True)) == {first}


def shop_requests(shop: Storefront) -> int:
    return shop.asked


def test_a_line_to_the_shop_is_kept_for_the_next_event(shop):
    for price in ("9.99", "9.98", "9.97"):
        shop.edit_price(simple(shop, 0).id, price)
        send(SLUG, told(shop))
        before = shop_requests(shop)
        follow_all()
    assert shop_requests(shop) - before == 1


def test_a_changed_address_is_asked_from_then_on(shop, connected):
    deliver(SLUG, {"id": simple(shop, 0).id, "type": "simple"})
    follow_all()
    Connection.objects.update(base_url="http://127.0.0.1:9")
    deliver(SLUG, {"id": simple(shop, 0).id, "type": "simple"})
    follow_all()
    assert statuses() == [DONE, PENDING]


def test_a_variation_is_read_alone_and_under_its_product(shop):
    one, other = variations(shop, "variable_130")[:2]
    before = picture()
    shop.change_silently(other.id, regular_price="1.11")
    shop.edit_price(one.id, "9.99")
    [message] = told(shop)
    body = orjson.loads(message.body)
    assert (body["id"], body["type"], body["parent_id"]) == (one.id, "variation", one.parent_id)
    send(SLUG, [message])
    follow_all()
    rows = moved(before, picture())
    assert [row["external_id"] for row in rows["variant"]] == [str(one.id)]


def test_stock_that_the_product_counts_moves_every_variation_of_it(shop):
    family = variations(shop, "variable_manages_stock")
    shop.sell(family[0].id, 2)
    [message] = told(shop)
    assert orjson.loads(message.body)["type"] == "variable"
    send(SLUG, [message])
    before = picture()
    follow_all()
    rows = moved(before, picture())
    assert {row["external_id"] for row in rows["variant"]} == {str(v.id) for v in family}
    assert mirrored() == sellable(shop)


def test_a_whole_family_is_read_together_with_other_products(shop):
    shop.rename(shop.odd["variable_130"], "Renamed")
    send(SLUG, told(shop))
    deliver(SLUG, {"id": simple(shop, 0).id, "type": "simple"})
    before = shop_requests(shop)
    follow_all()
    # Products, units, the two places that may list all variations, and 130 of them, 100 at a time.
    assert shop_requests(shop) - before == 6
    assert mirrored() == sellable(shop)


def test_a_product_goes_to_the_trash_with_its_variations_and_comes_back(shop, brake_off):
    parent = shop.odd["variable_130"]
    shop.trash(parent)
    messages = told(shop)
    assert {orjson.loads(m.body).keys() == {"id"} for m in messages} == {True}
    assert len(messages) == 131
    send(SLUG, messages)
    follow_all()
    assert Variant.objects.filter(product__external_id=parent, retired_at=None).count() == 0
    assert mirrored() == sellable(shop)
    shop.untrash(parent)
    messages = told(shop)
    assert len(messages) == 132
    send(SLUG, messages)
    follow_all()
    assert mirrored() == sellable(shop)
    assert set(statuses()) == {DONE}


def test_one_variation_in_the_trash_is_retired_alone(shop):
    one = variations(shop, "variable_130")[0]
    shop.trash(one.id)
    send(SLUG, told(shop))
    follow_all()
    retired = Variant.objects.exclude(retired_at=None)
    assert [row.external_id for row in retired] == [str(one.id)]


def test_a_new_product_is_mirrored_though_its_update_came_first(shop):
    new = shop.add_simple("NEW-1", name="New", price="5.00", stock=3)
    shop.edit_price(new, "6.00")
    send(SLUG, list(reversed(told(shop))))
    follow_all()
    assert mirrored() == sellable(shop)
    assert Variant.objects.get(sku="NEW-1").list_price == 6


def test_a_simple_product_that_became_variable_gives_its_variant_up(shop):
    record = simple(shop, 0)
    shop.change_silently(record.id, type="variable")
    shop.rename(record.id, "Now variable")
    send(SLUG, told(shop))
    follow_all()
    assert Variant.objects.get(external_id=record.id).retired_at is not None


@pytest.mark.parametrize("foreign", [99_000_001, 2**62])
def test_a_foreign_id_is_done_and_nothing_is_asked_or_changed(shop, foreign):
    before, asked = picture(), shop_requests(shop)
    deliver(SLUG, {"id": foreign}, topic="product.deleted")
    follow_all()
    assert (statuses(), moved(before, picture()), shop_requests(shop)) == ([DONE], {}, asked)


def test_another_resource_is_left_alone(shop):
    before, asked = picture(), shop_requests(shop)
    deliver(SLUG, {"id": simple(shop, 0).id, "type": "simple"}, topic="order.updated")
    follow_all()
    assert (statuses(), moved(before, picture()), shop_requests(shop)) == ([DONE], {}, asked)


def test_an_orphan_variation_is_left_alone(shop):
    asked = shop_requests(shop)
    deliver(SLUG, {"id": 5, "type": "variation", "parent_id": 0})
    follow_all()
    assert (statuses(), shop_requests(shop)) == ([DONE], asked)


def test_a_category_that_the_mirror_never_saw_is_read(shop):
    record = simple(shop, 0)
    terms = shop.store.catalogue.categories
    new = max(terms) + 1
    terms[new] = type(next(iter(terms.values())))(id=new, name="New", slug="new")
    shop.change_silently(record.id, category_ids=[new])
    shop.edit_price(record.id, "9.99")
    send(SLUG, told(shop))
    follow_all()
    assert mirrored() == sellable(shop)
    assert '"new"' in Variant.objects.get(external_id=record.id).variantdocument.body


def test_skus_that_were_swapped_are_settled_as_a_sweep_does(shop):
    one, other = simple(shop, 0), simple(shop, 1)
    theirs = (one.sku, other.sku)
    shop.rename_sku(one.id, "FOR-A-WHILE")
    shop.rename_sku(other.id, theirs[0])
    shop.rename_sku(one.id, theirs[1])
    messages = told(shop)
    # The event of the one alone: the holder of its new SKU is read again with it.
    send(SLUG, [m for m in messages if orjson.loads(m.body)["id"] == one.id])
    follow_all()
    assert mirrored() == sellable(shop)
    assert not QuarantinedRecord.objects.filter(reason="duplicate_sku", sku__in=theirs).exists()


def test_duplicates_in_any_order_take_no_revision_once_it_is_read(shop):
    shop.edit_price(simple(shop, 0).id, "9.99")
    messages = told(shop)
    send(SLUG, messages)
    follow_all()
    before = picture()
    send(SLUG, messages * 3)
    follow_all()
    assert moved(before, picture()) == {}
    assert statuses() == [DONE] * 4
