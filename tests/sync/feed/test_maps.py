"""A wrong map says what is wrong with it, before and after the feed is asked."""

import json
from decimal import Decimal

import orjson
import pytest

from catalog_mirror.models import Source
from sync.connectors import WrongSettings
from sync.feed.maps import map_of
from sync.feed.rules import Place, Unreadable, pick, value_of
from tests.sync.conftest import run
from tests.sync.feed.conftest import PLAIN, added, answer, records


@pytest.mark.parametrize(
    ("says", "line"),
    [
        ({"fields": {"id": "id"}}, "The map's fields lack sku, name, list_price."),
        ({"currency": "dollars"}, "The map wants a `currency`, three capital letters such as USD."),
        ({"time_zone": "Mars/Base"}, "The map's `time_zone` is a name such as Europe/Berlin."),
        ({"format": "xml"}, "The map's `format` is one of json, jsonl, csv."),
        ({"snapshot": "yes"}, "The map's `snapshot` is true or false."),
        ({"records": 3}, "The map's `records` is a text."),
        ({"paging": []}, "The map's `paging` is an object."),
        ({"paging": {"kind": "page"}}, "The map's paging by page wants `param`."),
        ({"paging": {"kind": "next"}}, "The map's paging by next wants `path` or `header`."),
        (
            {"paging": {"kind": "page", "param": "p", "size": 0}},
            "The map's paging wants whole numbers",
        ),
        ({"csv": {"encoding": "klingon"}}, "The map's `csv.encoding` klingon is not known."),
        ({"levels": {"list": "places"}}, "The map's `levels` wants a `list` and the `location`"),
        ({"currencies": "USD"}, "A map knows no currencies. It knows auth, by_id,"),
    ],
)
def test_a_wrong_map_is_one_line(says, line):
    with pytest.raises(WrongSettings) as told:
        map_of(PLAIN | says)
    assert str(told.value).startswith(line)


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (3, "The map's field name wants a path, or an object with one `path`."),
        ({"path": "a", "constant": 1}, "The map's field name wants a path"),
        ({"path": "a", "shout": True}, "The map's field name knows no shout."),
        ({"path": "a", "map": "b"}, "The map's field name has a `map` of the wrong kind."),
        ({"path": "a", "regex": "("}, "The map's field name has a wrong regex"),
        ({"path": "a", "decimal": ";"}, "The map's `name.decimal` is one of ,, .."),
        ({"path": "a", "of": "shop"}, "The map's `name.of` is one of record, product."),
    ],
)
def test_a_wrong_field_is_named(spec, line):
    with pytest.raises(WrongSettings) as told:
        map_of(PLAIN | {"fields": PLAIN["fields"] | {"name": spec}})
    assert str(told.value).startswith(line)


RECORD = {
    "a": {"b": [{"c": "1"}, {"c": "2"}], "d.e": "dotted", "n": None},
    "price": "1.234,50", "cents": 1995, "state": "A", "none": False, "list": ["x", "", "y"],
    "name": "Caf&eacute; &amp; Co", "code": "MUG : MUG-11",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b.1.c", "2"),
        ("a.b.*.c", ["1", "2"]),
        ("a.d.e", "dotted"),
        ("a.n.x", None),
        ("a.b.7.c", None),
        ("nothing", None),
        ("", RECORD),
    ],
)
def test_a_path_leads_through_objects_lists_and_keys_with_dots(path, value):
    assert pick(RECORD, path) == value


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ({"path": ["none", "state"]}, "A"),
        ({"constant": "kg"}, "kg"),
        ({"path": "price", "decimal": ","}, "1234.50"),
        ({"path": "cents", "multiply": "0.01"}, Decimal("19.95")),
        ({"path": "cents", "multiply": "0.001", "round": 2}, Decimal("2.00")),
        ({"path": "state", "map": {"A": "in_stock", "*": "out_of_stock"}}, "in_stock"),
        ({"path": "code", "map": {"A": "in_stock", "*": "out_of_stock"}}, "out_of_stock"),
        ({"path": "gone", "map": {"A": 1}, "default": 2}, 2),
        ({"path": "state", "equals": ["A", "B"]}, True),
        ({"path": "state", "differs": "A"}, False),
        ({"path": "list", "join": "+"}, "x+y"),
        ({"path": "code", "split": ":"}, ["MUG", "MUG-11"]),
        ({"path": "code", "regex": "[^: ]+$"}, "MUG-11"),
        ({"path": "code", "regex": "^(\\w+)"}, "MUG"),
        ({"path": "code", "regex": "^[0-9]+$", "default": "none"}, "none"),
        ({"path": "state", "prefix": "https://shop.example/"}, "https://shop.example/A"),
        ({"path": "none", "prefix": "https://shop.example/"}, None),
        ({"path": "name", "unescape": True}, "Café & Co"),
    ],
)
def test_rules_make_a_value_readable(spec, value):
    read = map_of(PLAIN | {"fields": PLAIN["fields"] | {"name": spec}}).fields["name"]
    assert value_of(read, Place(RECORD)) == value


def test_a_value_that_no_table_holds_is_unreadable():
    spec = {"path": "state", "map": {"B": 1}}
    read = map_of(PLAIN | {"fields": PLAIN["fields"] | {"name": spec}}).fields["name"]
    with pytest.raises(Unreadable, match="It reads 'A', which the map's table does not hold."):
        value_of(read, Place(RECORD))


def test_adding_shows_the_first_record_and_each_field(feed, tmp_path):
    maker = feed(lambda request: answer(records(1, 2)))
    said = added(tmp_path, maker.url, "--test-only", slug="other")
    assert said.code == 0
    assert said.out.splitlines()[1:] == [
        'First record: {"id":"r1","sku":"SKU-1","name":"Thing 1","price":"10.00","stock":1}',
        "  id = 'r1' (from id)",
        "  sku = 'SKU-1' (from sku)",
        "  name = 'Thing 1' (from name)",
        "  list_price = '10.00' (from price)",
        "  on_hand = '1' (from stock)",
        "The connection works. Nothing was kept (--test-only).",
    ]


def test_a_map_that_does_not_fit_is_told_field_by_field_and_keeps_nothing(feed, tmp_path):
    maker = feed(lambda request: answer(records(1, 2)))
    fields = PLAIN["fields"] | {"sku": "article.number", "list_price": "name"}
    said = added(tmp_path, maker.url, slug="other", fields=fields)
    assert (said.code, Source.objects.count()) == (1, 1)
    assert said.out.splitlines()[-2:] == [
        "sku: there is nothing at article.number.",
        "list_price: It reads 'Thing 1', which is no number. (from name).",
    ]
    assert said.error == "What is said above is wrong with it: 2 in all. Mend it, then try again."


def test_a_first_record_that_is_odd_is_no_fault_of_the_map(feed, tmp_path):
    maker = feed(lambda request: answer([records(1)[0] | {"sku": ""}, *records(2)]))
    said = added(tmp_path, maker.url, slug="other")
    assert (said.code, "  sku = FAILS (sku: there is nothing at sku)" in said.out) == (0, True)


def test_check_source_shows_what_a_map_makes_of_a_feed_that_changed(feed):
    maker = feed(lambda request: answer(records(1)))
    assert run("check_source", "feed").code == 0
    maker.answer = lambda request: answer([records(1)[0] | {"price": "soon"}])
    said = run("check_source", "feed")
    assert said.code == 1
    assert "list_price: It reads 'soon', which is no number. (from price)." in said.out
    assert said.error == "What is said above is wrong with feed: 1 in all. Mend it, then try again."
    document = json.loads(run("check_source", "feed", json=True).out)
    assert document["problems"] == [
        "list_price: It reads 'soon', which is no number. (from price)."
    ]


def test_a_map_that_is_no_json_or_not_there_is_wrong_usage(database, tmp_path):
    path = tmp_path / "map.json"
    said = run("add_source", "feed", kind="feed", url="https://erp.example/goods")
    assert (said.code, said.error) == (2, "A feed wants --map FILE, which says how it is read.")
    said = run("add_source", "feed", kind="feed", url="https://erp.example/goods", map=path)
    assert (said.code, "cannot be read" in said.error) == (2, True)
    path.write_text("{fields: }")
    said = run("add_source", "feed", kind="feed", url="https://erp.example/goods", map=path)
    assert (said.code, said.error.startswith("The map is no JSON")) == (2, True)


@pytest.mark.parametrize(
    ("options", "says", "header"),
    [
        ({"token": "t0k"}, {}, ("AUTHORIZATION", "Bearer t0k")),
        ({"token": "t0k"}, {"auth": {"header": "X-Api-Key"}}, ("X_API_KEY", "t0k")),
        ({"key": "anna", "secret": "s3c"}, {}, ("AUTHORIZATION", "Basic YW5uYTpzM2M=")),
        ({}, {"headers": {"Prefer": "odata.maxpagesize=5"}}, ("PREFER", "odata.maxpagesize=5")),
    ],
)
def test_a_feed_is_opened_by_what_was_given(feed, options, says, header):
    maker = feed(lambda request: answer(records(1)), **options, **says)
    assert run("reconcile").code == 0
    assert maker.headers[header[0]] == header[1]


def test_the_map_is_kept_and_the_key_is_sealed(feed):
    feed(lambda request: answer(records(1)), token="t0k-of-the-feed")
    row = Source.objects.get().connection
    assert row.settings["map"] == orjson.loads(orjson.dumps(PLAIN))
    assert b"t0k-of-the-feed" not in bytes(row.credentials)
    assert "t0k" not in json.dumps(row.settings)
