"""The modified dates of lists: exclusive, to the second, in shop-local time unless told."""

from datetime import UTC, datetime

import pytest

# The shop stands at -06:00 in November, its clock at 12:00:00Z.
BEFORE_NOON, NOON = "2026-11-21T11:59:59", "2026-11-21T12:00:00"


@pytest.fixture
def edited(storefront) -> int:
    storefront.edit_price(storefront.odd["price_zero"], "1.00")
    return storefront.odd["price_zero"]


@pytest.fixture
def future(storefront) -> int:
    return storefront.odd["created_future"]


def test_gmt_is_exclusive_to_the_second(client, edited, future):
    assert set(client.ids(modified_after=BEFORE_NOON, dates_are_gmt="true")) == {edited, future}
    assert client.ids(modified_after=NOON, dates_are_gmt="true") == [future]


@pytest.mark.parametrize("zone", ["Z", "+00:00"])
def test_a_zone_is_honored(client, edited, future, zone):
    assert set(client.ids(modified_after=BEFORE_NOON + zone)) == {edited, future}
    assert client.ids(modified_after=NOON + zone) == [future]


def test_without_zone_the_time_is_shop_local(client, edited, future):
    assert client.ids(modified_after=BEFORE_NOON) == [future]
    assert edited in client.ids(modified_after="2026-11-21T05:59:59")
    assert edited not in client.ids(modified_after="2026-11-21T06:00:00")


def test_a_zone_with_gmt_compares_local_time_to_the_gmt_column(client, edited):
    assert edited in client.ids(modified_after=NOON + "Z", dates_are_gmt="true")


def test_before_holds_zero_dates_too(client, storefront, edited):
    ids = client.ids(modified_before="2020-01-01T00:00:00", orderby="id", order="asc")
    assert ids == sorted([storefront.odd["modified_zero"], storefront.odd["created_backdated"]])
    assert edited not in ids


def test_dates_show_local_and_gmt(client, storefront, clock, edited):
    body = client.product(edited)
    assert body["date_modified"] == "2026-11-21T06:00:00"
    assert body["date_modified_gmt"] == "2026-11-21T12:00:00"
    clock.now = datetime(2027, 7, 1, 12, tzinfo=UTC)
    storefront.edit_price(edited, "2.00")
    assert client.product(edited)["date_modified"] == "2027-07-01T07:00:00"  # daylight saving
    nothing = client.product(storefront.odd["modified_zero"])
    assert nothing["date_modified"] is nothing["date_modified_gmt"] is None
