"""Tags of lists: what is not modified, what is, and whose tag it was."""

from datetime import timedelta
from decimal import Decimal

import pytest

from contract import etags, items
from contract.etags import Tags
from tests.conftest import as_login
from tests.factories import (
    NORTHCUP,
    a_category,
    a_product,
    a_variant,
    allow,
    cast,
    categorized,
    client_of,
    deny,
    fixed_price,
    mirrored,
    newest_revision,
    now,
    percent_off,
    snapshot_of,
    terms_changed,
    withdrawn,
)

LISTS = ("/v1/products", "/v1/stock", "/v1/brands", "/v1/categories")


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def alice(people):
    return client_of(people.alice)


def asked(client, path: str, *tags: str):
    return client.get(path, headers={"If-None-Match": ", ".join(tags)})


def tags_of(client, *paths: str) -> dict[str, str]:
    return {path: client.get(path)["ETag"] for path in paths}


def modified(client, tags: dict[str, str]) -> set[str]:
    """Return the lists that are told anew; the others answer 304."""
    statuses = {path: asked(client, path, tag).status_code for path, tag in tags.items()}
    assert set(statuses.values()) <= {200, 304}
    return {path for path, status in statuses.items() if status == 200}


def a_cap(**says):
    return a_product("p3", a_variant("4", **{"sku": "CAP-01", "on_hand": None} | says))


@pytest.mark.parametrize("path", LISTS)
def test_a_304_has_the_tag_that_matched_the_revision_and_no_body(alice, path):
    tag = alice.get(path)["ETag"]
    assert tag.startswith('W/"')
    answer = asked(alice, path, tag)
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)
    assert answer["X-Revision"] == str(newest_revision())
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Vary"] == "Authorization, Accept-Encoding"
    assert "Content-Type" not in answer.headers
    assert answer["RateLimit-Policy"] == '"key";q=6000;w=60'


@pytest.mark.parametrize("method", ["get", "head"])
def test_head_is_answered_like_get(alice, method):
    tag = alice.head("/v1/products")["ETag"]
    answer = getattr(alice, method)("/v1/products", headers={"If-None-Match": tag})
    assert (answer.status_code, answer["ETag"]) == (304, tag)


def test_each_list_is_modified_by_what_it_says_alone(people, alice):
    tags = tags_of(alice, *LISTS)
    assert modified(alice, tags) == set()
    mirrored(people.source, a_cap(on_hand=9))
    assert modified(alice, tags) == {"/v1/products", "/v1/stock"}
    tags = tags_of(alice, *LISTS)
    percent_off("5", tier=people.gold, priority=1)
    assert modified(alice, tags) == {"/v1/products"}
    tags = tags_of(alice, *LISTS)
    denied = deny(customer=people.alice, brand=people.inkwell)
    assert modified(alice, tags) == set(LISTS)
    withdrawn(denied)
    tags = tags_of(alice, *LISTS)
    mirrored(people.source, a_product("p1", a_variant("1", sku="MUG-11-BLK", name="Mug"),
        code="MUG-11", brand=NORTHCUP, category_external_ids=("mugs",)))  # fmt: skip
    assert "/v1/products" in modified(alice, tags)


def test_what_is_another_s_modifies_nothing(people, alice):
    tags = tags_of(alice, *LISTS)
    fixed_price("8", customer=people.bob, product=people.mug, priority=1)
    allow(customer=people.carol)
    terms_changed(people.bob, tier=people.gold)
    assert modified(alice, tags) == set()


def test_what_comes_by_the_clock_alone_modifies(people, alice, clock):
    opens = now() + timedelta(hours=1)
    deny(
        tier=people.gold, brand=people.inkwell, starts_at=opens, ends_at=opens + timedelta(hours=1)
    )
    percent_off("9", tier=people.gold, priority=1, starts_at=opens + timedelta(hours=2))
    tags = tags_of(alice, *LISTS)
    clock.move(timedelta(minutes=59))
    assert modified(alice, tags) == set()
    clock.move(timedelta(minutes=2))
    assert modified(alice, tags) == set(LISTS)
    tags = tags_of(alice, *LISTS)
    clock.move(timedelta(hours=1))
    assert modified(alice, tags) == set(LISTS)
    tags = tags_of(alice, *LISTS)
    clock.move(timedelta(hours=1))
    assert modified(alice, tags) == {"/v1/products"}


def test_a_clock_that_went_back_is_not_believed(people, alice, clock):
    """A tag is of an instant; what opened before it is told as open, whatever the clock says now."""
    clock.move(timedelta(hours=2))
    deny(customer=people.alice, brand=people.inkwell, starts_at=now() - timedelta(hours=1))
    tag = alice.get("/v1/stock")["ETag"]
    clock.move(timedelta(hours=-2))
    assert asked(alice, "/v1/stock", tag).status_code == 304
    mirrored(people.source, a_cap(on_hand=9))
    answer = asked(alice, "/v1/stock", tag)
    assert [row["sku"] for row in answer.json()["data"]] == ["MUG-11-BLK", "MUG-11-WHT", "CAP-01"]


def test_terms_modify_prices_and_a_tier_modifies_all(people, alice):
    tags = tags_of(alice, *LISTS)
    terms_changed(people.alice, unpriced="not_sold")
    assert modified(alice, tags) == {"/v1/products"}
    tags = tags_of(alice, *LISTS)
    terms_changed(people.alice, tier=None)
    assert modified(alice, tags) == set(LISTS)


# -- lists that hang on names ------------------------------------------------------------------

BY_NAME = ("/v1/products?category=mugs", "/v1/stock?brand=northcup", "/v1/stock?product=MUG-11")


def test_a_category_that_is_renamed_modifies_what_goes_by_its_name(people, alice):
    """No variant moves: what a category's change means for them follows when they are next read."""
    tags = tags_of(alice, "/v1/categories", "/v1/stock", *BY_NAME)
    categorized(
        people.source, a_category("drinkware"), a_category("mugs", "drinkware", slug="cups")
    )
    assert modified(alice, tags) == {"/v1/categories", "/v1/products?category=mugs"}


def test_a_list_by_name_that_says_the_same_is_not_modified(people, alice):
    tags = tags_of(alice, "/v1/brands", "/v1/categories", *BY_NAME)
    mirrored(people.source, a_cap(on_hand=9))
    assert modified(alice, tags) == set()
    mirrored(people.source, a_product("p1", a_variant("2", sku="MUG-11-WHT", on_hand=1),
        code="MUG-11", brand=NORTHCUP, category_external_ids=("mugs",)))  # fmt: skip
    assert modified(alice, tags) == set(BY_NAME)


def test_a_list_by_name_with_one_item_more_on_the_next_page_is_modified(people, alice):
    path = "/v1/stock?product=MUG-11&limit=2"
    tag = alice.get(path)["ETag"]
    mirrored(people.source, a_product("p1", a_variant("9", sku="MUG-11-RED"), code="MUG-11",
        brand=NORTHCUP, category_external_ids=("mugs",)))  # fmt: skip
    answer = asked(alice, path, tag)
    assert (answer.status_code, answer.json()["has_more"]) == (200, True)


# -- whose tag ---------------------------------------------------------------------------------


def test_a_tag_is_good_for_every_key_of_its_customer_and_for_no_other_s(people, alice):
    terms_changed(people.bob, tier=people.gold)
    for path in LISTS:
        tag = alice.get(path)["ETag"]
        assert asked(client_of(people.alice), path, tag).status_code == 304
        assert asked(client_of(people.bob), path, tag).status_code == 200


def test_a_tag_is_good_for_its_own_route_and_query(alice):
    tag = alice.get("/v1/products?limit=2")["ETag"]
    for path in (
        "/v1/products",
        "/v1/products?limit=3",
        "/v1/stock?limit=2",
        "/v1/products?limit=2&fields=name",
    ):
        assert asked(alice, path, tag).status_code == 200
    assert asked(alice, "/v1/products?limit=2", tag).status_code == 304


def test_a_tag_that_was_changed_in_any_place_is_not_ours(alice):
    tag = alice.get("/v1/stock")["ETag"]
    for place in range(3, len(tag) - 1):
        other = tag[:place] + ("A" if tag[place] != "A" else "Q") + tag[place + 1 :]
        assert asked(alice, "/v1/stock", other).status_code == 200, place


@pytest.mark.parametrize(
    "header",
    [
        "",
        "*",
        '"',
        '""',
        'W/""',
        "nonsense",
        '"é"',
        '"' + "A" * 5000 + '"',
        ",,,",
        'W/"A',
        "W/" * 99,
    ],
)
def test_what_is_no_tag_of_ours_is_no_reason_to_refuse(alice, header):
    answer = asked(alice, "/v1/stock", header)
    assert (answer.status_code, len(answer.json()["data"])) == (200, 4)


def test_of_many_tags_the_newest_decides(people, alice):
    old = alice.get("/v1/stock")["ETag"]
    mirrored(people.source, a_cap(on_hand=9))
    new = alice.get("/v1/stock")["ETag"]
    for tags in ([old, new], [new, old], ['"other"', new, "nonsense"], [new.removeprefix("W/")]):
        answer = asked(alice, "/v1/stock", *tags)
        assert (answer.status_code, answer["ETag"]) == (304, new)
    assert asked(alice, "/v1/stock", old).status_code == 200


# -- a tag that outlived what it was made of ---------------------------------------------------


def test_a_tag_of_another_epoch_or_view_version_is_none(alice, monkeypatch):
    tag = alice.get("/v1/stock")["ETag"]
    monkeypatch.setattr(etags, "VIEW_VERSION", items.VIEW_VERSION + 1)
    assert asked(alice, "/v1/stock", tag).status_code == 200
    monkeypatch.undo()
    assert asked(alice, "/v1/stock", tag).status_code == 304
    as_login("insert into catalog_mirror_epoch (number) values (2)")
    assert asked(alice, "/v1/stock", tag).status_code == 200


def test_a_tag_of_a_revision_that_a_restored_backup_lost_is_none(people, alice):
    mirrored(people.source, a_cap(on_hand=9))
    tag, number = alice.get("/v1/stock")["ETag"], newest_revision()
    as_login(f"delete from catalog_mirror_revision where number = {number}")
    assert asked(alice, "/v1/stock", tag).status_code == 200
    mirrored(people.source, a_cap(on_hand=8, list_price=Decimal(3)))
    assert newest_revision() == number
    assert asked(alice, "/v1/stock", tag).status_code == 200


def test_a_rotated_key_still_opens_what_it_signed(people, settings):
    tags = Tags(people.alice.pk, "/v1/stock", "")
    with snapshot_of(people.alice) as snapshot:
        tag = tags.of(snapshot, etags.NO_DIGEST)
    older = settings.CURSOR_KEYS
    try:
        etags._keys.cache_clear()
        settings.CURSOR_KEYS = ["A" * 43 + "=", *older]
        assert tags.newest_of(tag).mark.revision == snapshot.revision
        etags._keys.cache_clear()
        settings.CURSOR_KEYS = ["A" * 43 + "="]
        assert tags.newest_of(tag) is None
    finally:
        etags._keys.cache_clear()


def test_outside_the_contract_a_tag_is_worth_nothing(people, alice):
    tag = alice.get("/v1/stock")["ETag"]
    terms_changed(people.alice, status="suspended")
    assert asked(alice, "/v1/stock", tag).status_code == 403
