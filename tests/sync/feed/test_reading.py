"""A feed is read whole whatever its format and its paging, and half of one is never taken for all."""

from io import BytesIO

import orjson
import pytest

from catalog_mirror.models import Category, Product, QuarantinedRecord, StockLevel, Variant
from sync import sweep, writing
from sync.connectors import Way
from sync.feed import connector, reading
from sync.feed.formats import lines_of
from sync.feed.maps import map_of
from sync.http import ShopAnswersNonsense
from tests.sync.conftest import moved, picture, run
from tests.sync.feed.conftest import PLAIN, added, answer, records, skus

TEN = {f"SKU-{n}": n for n in range(10)}
CSV = b"id;sku;name;price;stock\r\n" + b"".join(
    b'r%d;SKU-%d;"Thing; %d";10,00;%d\r\n' % (n, n, n, n) for n in range(10)
)
CSV_MAP = {
    "format": "csv",
    "csv": {"delimiter": ";"},
    "fields": PLAIN["fields"] | {"list_price": {"path": "price", "decimal": ","}},
}


def pages_of(size: int, total: int = 10):
    """A feed by `page` and `size`, empty behind its end."""

    def given(request):
        page = int(request.params["page"])
        return answer(records(*range((page - 1) * size, min(page * size, total))))

    return given


def by_page(**more):
    return {"kind": "page", "param": "page", **more}


def test_a_plain_list(feed):
    feed(lambda request: answer(records(*range(10))))
    assert run("reconcile").code == 0
    assert skus() == TEN


@pytest.mark.parametrize("size", [1, 3, 5, 10, 11])
def test_pages_end_at_the_first_empty_one(feed, size):
    maker = feed(pages_of(size), paging=by_page())
    assert run("reconcile").code == 0
    assert skus() == TEN
    assert maker.asked[-1] == f"/goods?page={-(-10 // size) + 1}"


def test_pages_end_where_a_header_says_so(feed):
    """WordPress answers 400 behind its last page."""

    def given(request):
        page = int(request.params["page"])
        assert page <= 4
        return answer(records(*range((page - 1) * 3, min(page * 3, 10))), X_WP_TotalPages="4")

    feed(given, paging=by_page(last_header="X-WP-TotalPages"))
    assert run("reconcile").code == 0
    assert skus() == TEN


def test_a_maker_that_gives_less_than_it_is_asked_for_is_read_whole(feed):
    feed(pages_of(3), paging=by_page(size_param="size", size=100))
    assert run("reconcile").code == 0
    assert skus() == TEN


def test_offsets_count_what_was_read(feed):
    def given(request):
        start = int(request.params["from"])
        return answer({"rows": records(*range(start, min(start + 4, 10)))})

    maker = feed(given, records="rows", paging={"kind": "offset", "param": "from"})
    assert run("reconcile").code == 0
    assert skus() == TEN
    assert maker.asked[-4:] == [f"/goods?from={n}" for n in (0, 4, 8, 10)]


def test_a_cursor_is_followed_to_its_end(feed):
    def given(request):
        start = int(request.params.get("after", 0))
        goes_on = {"next": str(start + 4)} if start + 4 < 10 else {"next": None}
        return answer({"rows": records(*range(start, min(start + 4, 10))), "meta": goes_on})

    paging = {"kind": "cursor", "param": "after", "path": "meta.next"}
    feed(given, records="rows", paging=paging)
    assert run("reconcile").code == 0
    assert skus() == TEN


def test_next_links_are_followed_in_a_body_or_a_header(feed):
    def given(request):
        start = int(request.params.get("start", 0))
        link = f"/goods?start={start + 4}" if start + 4 < 10 else ""
        told = {"Link": f'<{link}>; rel="next", </goods>; rel="first"'} if link else {}
        return answer(
            {"value": records(*range(start, min(start + 4, 10))), "@odata.nextLink": link}, **told
        )

    feed(given, records="value", paging={"kind": "next", "path": "@odata.nextLink"})
    assert run("reconcile").code == 0
    assert skus() == TEN


@pytest.mark.parametrize("name", ["Link", "link"])
def test_next_links_of_a_header(feed, name):
    def given(request):
        start = int(request.params.get("start", 0))
        links = ['</goods>; rel="first"']
        if start + 4 < 10:
            links.append(f'</goods?start={start + 4}>; title="a; b"; rel="next"')
        return answer(records(*range(start, min(start + 4, 10))), **{name: ", ".join(links)})

    feed(given, paging={"kind": "next", "header": "Link"})
    assert run("reconcile").code == 0
    assert skus() == TEN


def test_a_next_link_to_another_host_is_not_followed(feed):
    maker = feed(lambda request: answer({"rows": records(1), "next": None}),
                 records="rows", paging={"kind": "next", "path": "next"})  # fmt: skip
    elsewhere = {"rows": records(1), "next": "http://elsewhere.example/goods?api_key=sesame"}
    maker.answer = lambda request: answer(elsewhere)
    said = run("reconcile")
    assert said.code == 1
    assert "http://elsewhere.example/goods, another host: it is not followed" in said.error
    assert skus() == {}


def test_pages_that_come_round_or_never_change_are_told(feed, tmp_path):
    maker = feed(pages_of(2, total=2), paging=by_page())
    maker.answer = lambda request: answer(records(1, 2))
    said = run("reconcile")
    assert (said.code, "the same page again and again" in said.error) == (1, True)
    maker.answer = lambda request: answer({"rows": records(1), "next": "/goods"})
    link = {"kind": "next", "path": "next"}
    said = added(tmp_path, maker.url, slug="round", records="rows", paging=link)
    assert (said.code, "come round to" in said.error) == (1, True)


def test_csv_with_semicolons_commas_and_a_byte_order_mark(feed):
    feed(lambda request: answer(b"\xef\xbb\xbf" + CSV), **CSV_MAP)
    assert run("reconcile").code == 0
    assert skus() == TEN
    assert str(Variant.objects.get(sku="SKU-3").list_price) == "10.0000"
    assert Variant.objects.get(sku="SKU-3").product.name == "Thing; 3"


@pytest.mark.parametrize("cut", [len(CSV) - 2, len(CSV) - 5, len(CSV) - 12, len(CSV) // 2])
def test_csv_that_is_cut_off_in_a_row_changes_nothing(feed, cut):
    maker = feed(lambda request: answer(CSV), **CSV_MAP)
    run("reconcile")
    before = picture()
    maker.answer = lambda request: answer(CSV[:cut])
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})
    assert "ends without a line end" in said.error
    maker.answer = lambda request: answer(CSV[:cut] + b"\r\n")
    said = run("reconcile")
    if cut < len(CSV) - 2:
        assert (said.code, moved(before, picture())) == (1, {})
        assert "Line " in said.error or "no CSV" in said.error


def test_a_maker_that_never_ends_its_last_line_may_be_trusted(feed):
    feed(lambda request: answer(CSV[:-2]), **CSV_MAP, last_line_ends=False)
    assert run("reconcile").code == 0
    assert skus() == TEN


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_line_end_of_two_bytes_is_one(encoding):
    field_map = map_of(PLAIN | CSV_MAP | {"csv": {"delimiter": ";", "encoding": encoding}})
    text = CSV.decode()
    assert len(list(lines_of(BytesIO(text.encode(encoding)), field_map))) == 10
    with pytest.raises(ShopAnswersNonsense, match="ends without a line end"):
        list(lines_of(BytesIO(text[:-2].encode(encoding)), field_map))


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_file_that_is_written_while_it_is_read_is_refused(settings, tmp_path, monkeypatch, kind):
    settings.FEED_FOLDER = str(tmp_path)
    path = tmp_path / "goods"
    path.write_bytes(CSV if kind == "csv" else orjson.dumps(records(1)))
    stamp = reading._stamp

    def writing(file):
        told = stamp(file)
        path.write_bytes(path.read_bytes() + b"r11;SKU-11;Thing;10,00;1\r\n")
        return told

    monkeypatch.setattr(reading, "_stamp", writing)
    field_map = map_of(PLAIN | CSV_MAP | {"format": kind})
    reader = reading.Reader(Way(base_url="file:goods", key={}), field_map, turns=lambda: 0.0)
    with pytest.raises(ShopAnswersNonsense, match="goods was written while it was read"):
        list(reader.records())


def test_csv_in_another_encoding_is_told(feed):
    maker = feed(lambda request: answer(CSV), **CSV_MAP)
    maker.answer = lambda request: answer(CSV.replace(b"Thing", "Tässe".encode("latin-1")))
    said = run("reconcile")
    assert (said.code, "is no CSV in utf-8-sig" in said.error) == (1, True)


def test_json_lines_and_a_line_that_is_cut_off(feed):
    whole = b"".join(orjson.dumps(each) + b"\n" for each in records(*range(10)))
    maker = feed(lambda request: answer(whole), format="jsonl")
    assert run("reconcile").code == 0
    assert skus() == TEN
    before = picture()
    maker.answer = lambda request: answer(whole[:-5] + b"\n")
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})
    assert "Line 10 of the feed is no JSON" in said.error


def test_a_file_of_the_folder(database, settings, tmp_path, brake_off):
    folder = tmp_path / "feeds"
    folder.mkdir()
    settings.FEED_FOLDER = str(folder)
    (folder / "goods.json").write_bytes(orjson.dumps(records(*range(10))))
    said = added(tmp_path, "file:goods.json")
    assert said.code == 0, said.text
    assert run("reconcile").code == 0
    assert skus() == TEN
    (folder / "goods.json").write_bytes(orjson.dumps(records(*range(9))))
    assert run("reconcile").code == 0
    assert skus() == {f"SKU-{n}": n for n in range(9)}
    before = picture()
    (folder / "goods.json").unlink()
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})
    assert "The file goods.json cannot be read (No such file or directory)" in said.error


@pytest.mark.parametrize("name", ["../secrets.json", "/etc/passwd", "link.json", ""])
def test_a_file_outside_of_the_folder_is_refused(database, settings, tmp_path, name):
    folder = tmp_path / "feeds"
    folder.mkdir()
    (tmp_path / "secrets.json").write_bytes(orjson.dumps(records(1)))
    (folder / "link.json").symlink_to(tmp_path / "secrets.json")
    settings.FEED_FOLDER = str(folder)
    said = added(tmp_path, f"file:{name}")
    assert said.code == 2
    assert said.error.startswith(f"A feed's file lies in {folder}, and file:{name} does not.")
    assert Product.objects.count() == 0


def test_without_a_folder_no_file_is_read(database, settings, tmp_path):
    settings.FEED_FOLDER = ""
    said = added(tmp_path, "file:goods.json")
    assert (said.code, said.error) == (
        2,
        "Set FEED_FOLDER to the one folder that feeds are read from.",
    )


def test_what_a_snapshot_does_not_name_is_gone(feed):
    maker = feed(lambda request: answer(records(1, 2, 3)))
    run("reconcile")
    maker.answer = lambda request: answer(records(1, 3))
    assert run("reconcile").code == 0
    assert skus() == {"SKU-1": 1, "SKU-3": 3}


def test_a_feed_that_is_no_snapshot_retires_only_what_it_marks(feed):
    fields = PLAIN["fields"] | {"is_deleted": "gone"}
    maker = feed(lambda request: answer(records(1, 2, 3)), snapshot=False, fields=fields)
    run("reconcile")
    maker.answer = lambda request: answer([{**records(2)[0], "gone": True}])
    assert run("reconcile").code == 0
    assert skus() == {"SKU-1": 1, "SKU-3": 3}


def test_one_that_two_readings_miss_is_gone_and_one_that_shifted_is_not(feed):
    """A paged list that shifts hides a record once."""
    hidden = {2: 1}

    def given(request):
        page = int(request.params["page"])
        some = [
            n
            for n in range(1, 5)
            if not (hidden.get(n) and hidden.__setitem__(n, hidden[n] - 1) is None)
        ]
        return answer(records(*some) if page == 1 else [])

    feed(given, paging=by_page())
    hidden[2] = 0
    run("reconcile")
    hidden[2] = 2  # in the sweep, and in the first look at what it did not meet
    assert run("reconcile").code == 0
    assert skus() == {f"SKU-{n}": n for n in range(1, 5)}
    hidden[2] = 100
    assert run("reconcile").code == 0
    assert skus() == {f"SKU-{n}": n for n in (1, 3, 4)}


def test_a_feed_that_can_be_asked_by_id_is_asked_for_what_is_missing(feed, monkeypatch):
    monkeypatch.setattr(connector, "IDS_AT_ONCE", 2)
    held = dict.fromkeys(range(1, 8))

    def given(request):
        wanted = request.params.get("ids")
        some = [f"r{n}" for n in held] if wanted is None else str(wanted).split(",")
        return answer([r for r in records(*held) if r["id"] in some])

    maker = feed(given, by_id="ids")
    run("reconcile")
    for each in (2, 3, 4):
        del held[each]
    maker.asked.clear()
    assert run("reconcile").code == 0
    assert skus() == {f"SKU-{n}": n for n in (1, 5, 6, 7)}
    together = ["/goods?", "/goods?ids=r2%2Cr3", "/goods?ids=r4"]
    assert maker.asked == [*together, *(f"/goods?ids=r{n}" for n in (2, 3, 4))]


def test_categories_brands_options_and_places_of_stock(feed):
    row = records(1)[0] | {
        "path": "Drinkware > Mugs", "maker": "Northcup", "color": "Black",
        "places": [{"at": "east", "qty": "4", "put_by": 1}, {"at": "west", "qty": 3.0}],
    }  # fmt: skip
    fields = {k: v for k, v in PLAIN["fields"].items() if k != "on_hand"} | {
        "categories": "path", "brand": "maker", "options": {"Color": "color", "Size": "size"},
    }  # fmt: skip
    levels = {"list": "places", "location": "at", "on_hand": "qty", "reserved": "put_by"}
    feed(lambda request: answer([row]), fields=fields, levels=levels, category_levels=">")
    assert run("reconcile").code == 0
    variant = Variant.objects.get()
    assert (variant.stock_on_hand, variant.stock_available, variant.brand.name) == (
        7,
        6,
        "Northcup",
    )
    mugs = Category.objects.get(slug="mugs")
    assert (mugs.parent.name, mugs.external_id) == ("Drinkware", "Drinkware > Mugs")
    document = orjson.loads(variant.variantdocument.body)
    assert document["options"] == {"Color": "Black"}
    assert document["categories"] == [
        {"slug": "mugs", "name": "Mugs", "path": ["Drinkware", "Mugs"]}
    ]
    assert set(StockLevel.objects.values_list("location__name", "on_hand")) == {
        ("east", 4),
        ("west", 3),
    }


def test_records_that_are_none_are_quarantined_by_their_number(feed):
    feed(lambda request: answer([*records(1), "junk", {"id": "", "sku": "X"}, *records(2)]))
    assert run("reconcile").code == 0
    assert skus() == {"SKU-1": 1, "SKU-2": 2}
    found = QuarantinedRecord.objects.order_by("external_id").values_list(
        "external_id", "reason", "detail"
    )
    assert list(found) == [
        ("(record 2)", "record_unreadable", "record: It is no object."),
        ("(record 3)", "record_unreadable", "id: It is empty."),
    ]


def test_ids_that_have_lost_digits_are_refused_and_prove_nobody_gone(feed):
    """Beyond 64 bits JSON's readers make floats of whole numbers, and two of these become one."""
    listed = (
        b'[{"id":%s,"sku":"A","name":"A","price":"1"},{"id":"r2","sku":"B","name":"B","price":"1"}]'
    )
    maker = feed(lambda request: answer(listed % b'"r1"'))
    run("reconcile")
    maker.answer = lambda request: answer(listed % b"123456789012345678901")
    assert run("reconcile").code == 0
    assert set(skus()) == {"A", "B"}
    found = QuarantinedRecord.objects.get()
    assert (found.external_id, found.reason) == ("(record 1)", "record_unreadable")
    assert found.detail == (
        "id: It reads 1.2345678901234568e+20, which has lost digits: JSON's readers round a number so "
        "long. Have the feed write it as text."
    )


@pytest.mark.parametrize("says", [{"name": "Other"}, {"product": "P2"}, {"gone": True}])
def test_differing_records_of_one_id_are_refused_and_change_nothing(feed, says):
    fields = PLAIN["fields"] | {"is_deleted": "gone", "product_id": "product"}
    maker = feed(lambda request: answer(records(1, 2)), fields=fields)
    run("reconcile")
    before = skus()
    changed = [{**records(1)[0], "stock": 50}, {**records(1)[0], **says}, *records(2)]
    maker.answer = lambda request: answer(changed)
    assert run("reconcile").code == 0
    assert skus() == before
    found = QuarantinedRecord.objects.get()
    assert (found.external_id, found.reason) == ("r1", "id_repeated")
    assert found.detail == (
        "Several records of the feed carry the id r1 and differ. Give each an id of its own, or name "
        "another field as `id` in the map."
    )
    maker.answer = lambda request: answer([changed[0], *records(2)])
    run("reconcile")
    assert (skus()["SKU-1"], QuarantinedRecord.objects.count()) == (50, 0)


def test_a_record_that_is_there_twice_is_one(feed):
    feed(lambda request: answer(records(1, 2, 1)))
    assert run("reconcile").code == 0
    assert (skus(), QuarantinedRecord.objects.count()) == ({"SKU-1": 1, "SKU-2": 2}, 0)


def test_what_a_page_repeats_because_the_list_shifted_counts_as_it_was_read_last(feed):
    def given(request):
        page = {"1": records(1, 2), "2": [{**records(2)[0], "stock": 50}, *records(3)]}
        return answer(page.get(request.params["page"], []))

    feed(given, paging=by_page())
    assert run("reconcile").code == 0
    assert (skus(), QuarantinedRecord.objects.count()) == ({"SKU-1": 1, "SKU-2": 50, "SKU-3": 3}, 0)


def test_however_many_are_not_met_the_feed_is_read_once_more_for_all(feed, monkeypatch):
    monkeypatch.setattr(writing, "CHUNK", 10)
    monkeypatch.setattr(sweep, "CHUNK", 10)
    maker = feed(lambda request: answer(records(*range(100))))
    run("reconcile")
    maker.answer = lambda request: answer(records(*range(30)))
    maker.asked.clear()
    assert run("reconcile").code == 0
    assert set(skus()) == {f"SKU-{n}" for n in range(30)}
    assert len(maker.asked) == 2


@pytest.mark.parametrize(
    ("says", "detail"),
    [
        ({"price": "about 10"}, "list_price: It reads 'about 10', which is no number."),
        ({"price": True}, "list_price: It reads True, which is no number."),
        ({"price": {"amount": 1}}, "list_price: It reads {'amount': 1}, which is no number."),
        ({"stock": "many"}, "on_hand: It reads 'many', which is no number."),
        ({"name": ["a", "b"]}, "name: It holds ['a', 'b'] where a text is wanted."),
    ],
)
def test_a_field_that_cannot_be_read_is_named_with_what_it_reads(feed, says, detail):
    feed(lambda request: answer([records(1)[0] | says, *records(2)]))
    assert run("reconcile").code == 0
    assert skus() == {"SKU-2": 2}
    assert QuarantinedRecord.objects.get().detail == detail


def test_a_price_reads_as_it_is_written_and_never_as_a_float(feed):
    feed(lambda request: answer(b'[{"id":"r1","sku":"S","name":"N","price":0.1,"stock":null}]'))
    run("reconcile")
    row = Variant.objects.get()
    assert (str(row.list_price), row.stock_on_hand, row.stock_status) == (
        "0.1000",
        None,
        "in_stock",
    )


@pytest.mark.parametrize("path", ["", "nothing.there"])
def test_a_feed_without_its_list_says_where_it_was_looked_for(feed, tmp_path, path):
    maker = feed(lambda request: answer(records(1)))
    maker.answer = lambda request: answer({"error": "out of order"})
    before = picture()
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})
    assert "The feed has no list at its top." in said.error


def test_an_answer_that_holds_less_than_was_asked_for_is_no_proof_that_the_rest_is_gone(feed):
    """A maker that gives two at a time, whatever it is asked for."""
    held = dict.fromkeys(range(1, 8))
    hidden: set[str] = set()

    def given(request):
        wanted = request.params.get("ids")
        if wanted is None:
            return answer([r for r in records(*held) if r["id"] not in hidden])
        return answer([r for r in records(*held) if r["id"] in str(wanted).split(",")][:2])

    maker = feed(given, by_id="ids")
    run("reconcile")
    hidden.update({"r1", "r2", "r3", "r4"})  # missed by the sweep, and yet there
    del held[4]
    maker.asked.clear()
    assert run("reconcile").code == 0
    assert skus() == {f"SKU-{n}": n for n in (1, 2, 3, 5, 6, 7)}
    assert maker.asked[1:] == ["/goods?ids=r1%2Cr2%2Cr3%2Cr4", "/goods?ids=r3", "/goods?ids=r4"]


def test_a_maker_that_does_not_know_the_parameter_for_ids_retires_nobody(feed):
    held = [records(1, 2, 3)]
    feed(lambda request: answer(held[0]), by_id="ids")
    run("reconcile")
    before = picture()
    held[0] = records(1, 2)
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})
    assert "was asked for some ids and answers with others (r1)" in said.error


def test_records_without_an_id_leave_nobody_retired(feed):
    """The feed calls its ids otherwise since last night: what is not met may well be there."""
    held = [records(1, 2, 3)]
    feed(lambda request: answer(held[0]))
    run("reconcile")
    held[0] = [*records(1), *({"article": r.pop("id"), **r} for r in records(2, 3))]
    assert run("reconcile").code == 0
    assert skus() == {"SKU-1": 1, "SKU-2": 2, "SKU-3": 3}
    assert QuarantinedRecord.objects.count() == 2
    held[0] = records(1)
    run("reconcile")
    assert skus() == {"SKU-1": 1}


def test_pages_without_end_are_told(feed, monkeypatch):
    monkeypatch.setattr(reading, "MOST_PAGES", 5)
    maker = feed(pages_of(1, total=4), paging=by_page())
    run("reconcile")
    before = picture()
    maker.answer = lambda request: answer(records(int(request.params["page"])))
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})
    assert "come round" in said.error
