"""Edits move what WooCommerce moves, dates included, and survive a restart."""

import json

import pytest

from demo.shops import small_shop
from demo.storefront.edits import EditRefusedError
from demo.storefront.storefront import Storefront


def modified(storefront, *kinds):
    """Return which of the kinds were modified at the clock's time."""
    products = storefront.store.catalogue.products
    now = storefront._clock()
    return {kind for kind in kinds if products[storefront.odd[kind]].modified_at == now}


def test_price_edit_moves_the_date(client, storefront, clock):
    clock.move()
    storefront.edit_price(storefront.odd["price_stale"], "9.99")
    body = client.product(storefront.odd["price_stale"])
    assert (body["regular_price"], body["price"]) == ("9.99", "9.99")
    assert body["date_modified_gmt"] == "2026-11-21T12:01:00"


def test_variation_edit_moves_its_parents_date_and_price(client, storefront, clock):
    clock.move()
    storefront.edit_price(storefront.odd["variation_any"], "0.50")
    kinds = ("variation_any", "variable_sku_parent", "variation_no_own_sku")
    assert modified(storefront, *kinds) == {"variation_any", "variable_sku_parent"}
    assert client.product(storefront.odd["variable_sku_parent"])["price"] == "0.50"


@pytest.mark.parametrize("kind", ["variable_sku_parent", "grouped_missing_child"])
def test_price_of_many_is_refused(storefront, clock, kind):
    clock.move()
    with pytest.raises(EditRefusedError):
        storefront.edit_price(storefront.odd[kind], "1")
    assert modified(storefront, kind) == set()


def test_sale_price_holds_at_once_and_ends(client, storefront):
    product_id = storefront.odd["sale_future"]
    storefront.edit_sale_price(product_id, "4.50")
    body = client.product(product_id)
    assert (body["price"], body["on_sale"], body["date_on_sale_to"]) == ("4.50", True, None)
    storefront.edit_sale_price(product_id, "")
    assert client.product(product_id)["on_sale"] is False
    with pytest.raises(EditRefusedError):
        storefront.edit_sale_price(product_id, "5")


def test_selling_the_last_moves_stock_status_and_date(client, storefront, clock):
    product_id = storefront.add_simple("NEW-1", name="New Mug", price="4", stock=1)
    clock.move()
    storefront.sell(product_id)
    body = client.product(product_id)
    assert (body["stock_quantity"], body["stock_status"]) == (0, "outofstock")
    assert (body["total_sales"], body["date_modified_gmt"]) == (1, "2026-11-21T12:01:00")
    with pytest.raises(EditRefusedError):
        storefront.sell(product_id)
    assert client.product(product_id)["total_sales"] == 1


def test_parent_managed_stock_moves_with_no_variations_date(client, storefront, clock):
    """The trap: the sibling's stock changes and nothing of the sibling says so."""
    sibling = storefront.odd["variation_parent_managed_2"]
    assert client.product(sibling)["stock_quantity"] == 7
    clock.move()
    storefront.sell(storefront.odd["variation_parent_managed"], 3)
    assert client.product(sibling)["stock_quantity"] == 4
    kinds = ("variation_parent_managed", "variation_parent_managed_2", "variable_manages_stock")
    assert modified(storefront, *kinds) == {"variable_manages_stock"}


def test_backorders_sell_below_zero(client, storefront):
    storefront.sell(storefront.odd["stock_negative"])
    body = client.product(storefront.odd["stock_negative"])
    assert (body["stock_quantity"], body["stock_status"]) == (-5, "onbackorder")


def test_hide_and_show(client, storefront, clock):
    product_id = storefront.odd["no_sku"]
    storefront.hide(product_id)
    assert product_id in client.ids(status="private")
    clock.move()
    storefront.show(product_id)
    assert client.product(product_id)["status"] == "publish"
    assert modified(storefront, "no_sku") == {"no_sku"}


def test_trash_leaves_the_list_but_answers_by_id(client, storefront):
    product_id = storefront.odd["no_sku"]
    storefront.trash(product_id)
    body = client.product(product_id)
    assert (body["status"], body["slug"]) == ("trash", "odd-no-sku__trashed")
    assert product_id in client.ids(status="trash")
    assert client.ids(include=product_id) == []
    storefront.untrash(product_id)
    assert client.product(product_id)["slug"] == "odd-no-sku"
    assert client.ids(include=product_id) == [product_id]


def test_trashing_a_variable_takes_its_variations_along(client, storefront):
    parent_id, variation_id = storefront.odd["variable_sku_parent"], storefront.odd["variation_any"]
    storefront.trash(variation_id)
    storefront.trash(parent_id)
    assert client.rest(f"/products/{parent_id}/variations").json() == []
    assert client.product(parent_id)["variations"] == []
    storefront.untrash(parent_id)
    assert variation_id in client.product(parent_id)["variations"]
    assert client.product(storefront.odd["variation_private"])["status"] == "private"


def test_permanent_delete_leaves_no_trace_but_the_parents_date(client, storefront, clock):
    product_id = storefront.odd["no_sku"]
    storefront.delete_forever(product_id)
    assert client.rest(f"/products/{product_id}").status_code == 404
    assert product_id not in client.ids(status="trash")
    clock.move()
    storefront.delete_forever(storefront.odd["variation_any"])
    assert modified(storefront, "variable_sku_parent") == {"variable_sku_parent"}
    storefront.delete_forever(storefront.odd["variable_130"])
    assert client.ids(search_sku="ODD-130") == []


def test_sku_rename_refuses_a_taken_one_in_any_case(client, storefront):
    product_id = storefront.odd["no_sku"]
    with pytest.raises(EditRefusedError, match="duplicated"):
        storefront.rename_sku(product_id, "odd-p0")
    assert client.product(product_id)["sku"] == ""
    storefront.rename_sku(product_id, "FRESH-1")
    assert client.ids(sku="fresh-1") == [product_id]
    assert storefront.id_of("FRESH-1") == product_id


def test_parents_new_sku_shows_on_the_variation_without_one(client, storefront):
    variation_id = storefront.odd["variation_no_own_sku"]
    assert client.product(variation_id)["sku"] == "ODD-VP"
    storefront.rename_sku(storefront.odd["variable_sku_parent"], "VP-2")
    assert client.product(variation_id)["sku"] == "VP-2"


def test_category_rename_and_silent_change_move_no_date(client, storefront, clock):
    product_id = storefront.odd["no_sku"]
    before = client.product(product_id)
    clock.move()
    storefront.rename_category(15, "Odds & Ends")
    storefront.change_silently(product_id, regular_price="7")
    body = client.product(product_id)
    assert body["categories"][0]["name"] == "Odds &amp; Ends"
    assert (body["price"], body["date_modified"]) == ("7", before["date_modified"])


@pytest.mark.parametrize("edit", ["hide", "trash", "untrash", "delete_forever", "sell"])
def test_editing_what_is_not_there_is_refused(storefront, edit):
    with pytest.raises(EditRefusedError):
        getattr(storefront, edit)(99_999_999)


def test_journal_brings_edits_back_after_a_restart(tmp_path, clock):
    journal = tmp_path / "edits.jsonl"
    shop = small_shop(1)
    first = Storefront(shop, journal=journal, clock=clock)
    first.edit_price(first.odd["price_zero"], "3.25")
    new_id = first.add_simple("NEW-1", name="New", price="4", stock=2)
    first.sell(new_id)
    first.trash(first.odd["variable_sku_parent"])
    with pytest.raises(EditRefusedError):
        first.sell(new_id, 5)
    clock.move()
    again = Storefront(shop, journal=journal, clock=clock)
    assert again.store.catalogue == first.store.catalogue
    assert len(journal.read_text().splitlines()) == 4


def test_journal_drops_a_line_that_a_crash_left_unfinished(tmp_path):
    journal = tmp_path / "edits.jsonl"
    shop = small_shop(1)
    first = Storefront(shop, journal=journal)
    first.hide(first.odd["no_sku"])
    with journal.open("a") as file:
        file.write('{"edit": "trash", "at": "2026-')
    again = Storefront(shop, journal=journal)
    again.show(again.odd["no_sku"])
    edits = [json.loads(line)["edit"] for line in journal.read_text().splitlines()]
    assert edits == ["set_status", "set_status"]
