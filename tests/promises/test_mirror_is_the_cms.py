"""Promise: whatever becomes of the webhooks, after a sweep the mirror is the shop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.shops import small_shop
from demo.storefront.edits import EditRefusedError
from demo.storefront.hooks import Message
from demo.storefront.server import running
from demo.storefront.storefront import Storefront
from sync import lines
from tests.conftest import clean_database
from tests.sync.conftest import keys_of, run
from tests.sync.hooks import SECRET, follow_all, hooked, send, told
from tests.sync.test_reconcile import NOTHING, REFUSED, mirrored, sellable, simple

SLUG = "small-1"


def cast(shop: Storefront) -> list[int]:
    """Simple products, a product that counts its variations' stock, and one whose variations are odd."""
    products = shop.store.catalogue.products
    families = [products[shop.odd[k]] for k in ("variable_manages_stock", "variable_sku_parent")]
    members = [number for each in families for number in (each.id, *each.variation_ids)]
    # What cannot be mirrored is left out of the comparison, so it must not be mended by an edit.
    refused = {shop.odd[kind] for kind in REFUSED}
    return [*(simple(shop, at).id for at in range(3)), *(n for n in members if n not in refused)]


# What is told by webhook, and what WooCommerce keeps to itself.
TOLD: list[Callable[[Storefront, int, int], object]] = [
    lambda s, i, n: s.edit_price(i, f"{n}.99"),
    lambda s, i, n: s.edit_sale_price(i, "0.50"),
    lambda s, i, n: s.set_stock(i, n),
    lambda s, i, n: s.sell(i),
    lambda s, i, n: s.rename(i, f"Renamed {n}"),
    lambda s, i, n: s.rename_sku(i, f"SKU-{n}"),
    lambda s, i, n: s.hide(i),
    lambda s, i, n: s.show(i),
    lambda s, i, n: s.trash(i),
    lambda s, i, n: s.untrash(i),
    lambda s, i, n: s.add_simple(f"NEW-{s.store.next_id()}", name="New", price="5", stock=n),
]
SILENT: list[Callable[[Storefront, int, int], object]] = [
    lambda s, i, n: s.delete_forever(i),
    lambda s, i, n: s.change_silently(i, regular_price=f"{n}.01"),
    lambda s, i, n: s.rename_category(15, f"Sundry {n}"),
]
numbers = st.integers(0, 8)
told_edits = st.tuples(st.sampled_from(TOLD), numbers, numbers)
all_edits = st.tuples(st.sampled_from(TOLD + SILENT), numbers, numbers)


@contextmanager
def read_shop() -> Iterator[Storefront]:
    """A shop that was mirrored, in a database of nothing else."""
    clean_database()
    shop = Storefront(small_shop(1))
    with running(shop) as url:
        run("add_source", SLUG, url=url, hook_secret=SECRET, **keys_of(shop))
        hooked(shop)
        assert run("reconcile").code == 0
        yield shop
    lines.hang_up()


def wanted(shop: Storefront) -> dict[str, tuple]:
    """What the shop sells. A variation that was taken out of the trash alone stays with its product."""
    products = shop.store.catalogue.products
    parents = {number: products.get(products[int(number)].parent_id) for number in sellable(shop)}
    return {
        number: what
        for number, what in sellable(shop).items()
        if not (parents[number] and parents[number].status == "trash")
    }


def edited(shop: Storefront, edits: list) -> list[Message]:
    """Edit, and return what was told, each at its own moment."""
    chosen, messages = cast(shop), []
    for edit, at, number in edits:
        try:
            edit(shop, chosen[at % len(chosen)], number)
        except (EditRefusedError, KeyError):
            continue
        messages += told(shop)
    return messages


def mangled(draw: Callable, messages: list[Message], *, loses: bool) -> list[Message]:
    """Lose some, repeat some, and shuffle."""
    counts = [draw(st.integers(0 if loses else 1, 2)) for _ in messages]
    return draw(
        st.permutations(
            [m for m, count in zip(messages, counts, strict=True) for _ in range(count)]
        )
    )


def heals(edits: list, draw: Callable) -> None:
    with read_shop() as shop:
        messages = mangled(draw, edited(shop, edits), loses=True)
        split = draw(st.integers(0, len(messages)))
        send(SLUG, messages[:split])
        follow_all()
        send(SLUG, messages[split:])
        assert run("reconcile").code == 0
        # What is still to be followed may come after the sweep: it changes nothing any more.
        follow_all()
        assert mirrored() == wanted(shop)
        assert run("reconcile").out.splitlines()[-1] == NOTHING


def follows(edits: list, draw: Callable) -> None:
    with read_shop() as shop:
        messages = mangled(draw, edited(shop, edits), loses=False)
        send(SLUG, messages)
        follow_all()
        assert mirrored() == wanted(shop)


CALM = {
    "deadline": None,
    "suppress_health_check": [
        HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large,
    ],
}  # fmt: skip


@settings(max_examples=8, **CALM)
@given(edits=st.lists(all_edits, min_size=1, max_size=12), data=st.data())
def test_any_permutation_repetition_and_loss_is_healed_by_a_sweep(database, brake_off, edits, data):
    heals(edits, data.draw)


@settings(max_examples=8, **CALM)
@given(edits=st.lists(told_edits, min_size=1, max_size=12), data=st.data())
def test_what_is_told_and_not_lost_needs_no_sweep(database, brake_off, edits, data):
    follows(edits, data.draw)


@pytest.mark.slow
@settings(max_examples=100, **CALM)
@given(edits=st.lists(all_edits, min_size=1, max_size=25), data=st.data())
def test_a_hundred_histories_are_healed(
    database, brake_off, patience, edits, data, record_property
):
    record_property("histories healed by a sweep", 100)
    heals(edits, data.draw)


@pytest.mark.slow
@settings(max_examples=100, **CALM)
@given(edits=st.lists(told_edits, min_size=1, max_size=25), data=st.data())
def test_a_hundred_histories_need_no_sweep(
    database, brake_off, patience, edits, data, record_property
):
    record_property("histories that needed none", 100)
    follows(edits, data.draw)
