"""The maps of docs/sources, each run against a small server that answers in that system's shape."""

import base64
import hashlib
import hmac
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote, unquote

import orjson

from catalog_mirror.models import Product, StockLevel, Variant
from demo.storefront.http import Response
from tests.sync.conftest import run
from tests.sync.feed.conftest import answer, skus

MAPS = Path(__file__).resolve().parents[3] / "docs" / "sources" / "maps"


def worked(name: str) -> dict:
    return orjson.loads((MAPS / f"{name}.json").read_bytes())


def document(sku: str) -> dict:
    return orjson.loads(Variant.objects.get(sku=sku).variantdocument.body)


# -- a WordPress with a post type of its own -----------------------------------------------------


def post(number: int, **says: object) -> dict:
    return {
        "id": number, "slug": f"mug-{number}", "status": "publish", "type": "product",
        "link": f"https://northcup.example/product/mug-{number}/",
        "title": {"rendered": f"Mug &#8220;{number}&#8221;"},
        "content": {"rendered": "<p>Enamel.</p>\n", "protected": False},
        "acf": {"sku": f"MUG-{number}", "price": "14.99", "stock": number, "brand": "Northcup",
                "material": "Enamel"},
        "_embedded": {
            "wp:term": [[{"id": 3, "name": "Mugs", "taxonomy": "product_cat"}]],
            "wp:featuredmedia": [{"source_url": f"https://northcup.example/{number}.jpg"}],
        },
    } | says  # fmt: skip


def test_a_custom_wordpress(feed):
    posts = [post(n) for n in range(1, 251)] + [post(251, status="draft")]

    def given(request):
        assert (
            request.authorization == "Basic " + base64.b64encode(b"tradecounter:abcd efgh").decode()
        )
        page, size = int(request.params["page"]), int(request.params["per_page"])
        if (page - 1) * size >= len(posts):
            return Response(b'{"code":"rest_post_invalid_page_number"}', status=400)
        assert request.params["_embed"] == "1"
        some = posts[(page - 1) * size : page * size]
        return answer(some, X_WP_Total=str(len(posts)), X_WP_TotalPages=str(-(-len(posts) // size)))

    feed(given, path="/wp-json/wp/v2/product?_embed=1&status=any", whole_map=worked("wordpress"),
         key="tradecounter", secret="abcd efgh")  # fmt: skip
    assert run("reconcile").code == 0
    assert skus() == {f"MUG-{n}": n for n in range(1, 252)}
    assert Variant.objects.filter(is_published=False).get().sku == "MUG-251"
    told = document("MUG-7")
    assert told["name"] == "Mug “7”"
    assert told["product"]["url"] == "https://northcup.example/product/mug-7/"
    assert told["categories"] == [{"slug": "mugs", "name": "Mugs", "path": ["Mugs"]}]
    assert (told["brand"]["name"], told["attributes"]) == ("Northcup", {"Material": "Enamel"})
    assert told["images"] == [{"url": "https://northcup.example/7.jpg", "alt": ""}]


# -- Odoo ------------------------------------------------------------------------------------------


def test_odoo(feed):
    rows = [
        {"id": 11, "default_code": "MUG-11-BLK", "display_name": "[MUG-11-BLK] Camp mug (Black)",
         "product_tmpl_id": [4, "Camp mug"], "lst_price": 14.99, "qty_available": 12.0,
         "reserved_quantity": 2.0, "sale_ok": True, "active": True, "barcode": "4006381333931",
         "weight": 0.31, "categ_id": [9, "All / Drinkware / Mugs"], "description_sale": False},
        {"id": 12, "default_code": "MUG-11-WHT", "display_name": "Camp mug (White)",
         "product_tmpl_id": [4, "Camp mug"], "lst_price": 14.949999999999999, "qty_available": 0.0,
         "reserved_quantity": 0.0, "sale_ok": False, "active": True, "barcode": False, "weight": 0.0,
         "categ_id": [9, "All / Drinkware / Mugs"], "description_sale": "White."},
        {"id": 13, "default_code": "OLD", "display_name": "Old", "product_tmpl_id": [5, "Old"],
         "lst_price": 1.0, "qty_available": 0.0, "reserved_quantity": 0.0, "sale_ok": True,
         "active": False, "barcode": False, "weight": 0.0, "categ_id": False,
         "description_sale": False},
    ]  # fmt: skip

    def given(request):
        start, size = int(request.params["offset"]), int(request.params["limit"])
        return answer({"length": len(rows), "records": rows[start : start + size]})

    feed(given, path="/tradecounter/products", whole_map=worked("odoo"), token="odoo-key")
    assert run("reconcile").code == 0
    assert skus() == {"MUG-11-BLK": 12, "MUG-11-WHT": 0}
    black, white = Variant.objects.get(sku="MUG-11-BLK"), Variant.objects.get(sku="MUG-11-WHT")
    assert (black.stock_available, black.is_published, black.list_price) == (
        10,
        True,
        Decimal("14.99"),
    )
    assert (white.is_published, white.list_price) == (False, Decimal("14.95"))
    assert black.product == white.product == Product.objects.get(external_id="4", name="Camp mug")
    told = document("MUG-11-BLK")
    assert told["categories"][0]["path"] == ["All", "Drinkware", "Mugs"]
    assert (told["gtin"], told["weight"]) == ("4006381333931", {"value": "0.31", "unit": "kg"})
    assert (document("MUG-11-WHT")["gtin"], document("MUG-11-WHT")["weight"]) == (None, None)


# -- NetSuite --------------------------------------------------------------------------------------

KEYS = {"key": "ck", "secret": "cs", "token": "tk", "token_secret": "ts"}


def is_signed(request) -> bool:
    """Verify OAuth 1.0a from the header alone, as RFC 5849 has it."""
    kind, _, rest = request.authorization.partition(" ")
    said = {k: unquote(v.strip('"')) for k, v in (p.strip().split("=", 1) for p in rest.split(","))}
    assert (kind, said.pop("realm")) == ("OAuth", "1234567_SB1")
    given = said.pop("oauth_signature")
    pairs = sorted(
        (quote(k, safe="~"), quote(v, safe="~")) for k, v in [*request.pairs, *said.items()]
    )
    query = "&".join(f"{k}={v}" for k, v in pairs)
    text = "&".join(quote(each, safe="~") for each in ("GET", request.base + request.path, query))
    digest = hmac.new(b"cs&ts", text.encode(), hashlib.sha256).digest()
    return given == base64.b64encode(digest).decode() and said["oauth_token"] == "tk"


def test_netsuite(feed):
    mug = {"internalid": "40", "itemid": "MUG-11", "displayname": "Camp mug"}
    items = [
        {"internalid": "41", "itemid": "MUG-11 : MUG-11-BLK", "displayname": "Camp mug black",
         "parent": mug, "baseprice": "14.99", "isinactive": "F", "upccode": "",
         "custitem_brand": {"value": "7", "name": "Northcup"}, "class": "Drinkware : Mugs",
         "custitem_color": {"value": "1", "name": "Black"},
         "locations": [{"location": "East", "quantityonhand": "5", "quantitycommitted": "2",
                        "quantityonorder": ""},
                       {"location": "West", "quantityonhand": "", "quantitycommitted": "",
                        "quantityonorder": "10"}]},
        {"internalid": "50", "itemid": "PEN-1", "displayname": "Pen", "baseprice": ".50",
         "isinactive": "T", "locations": []},
    ]  # fmt: skip

    def given(request):
        if not is_signed(request):
            return Response(b'{"error": {"code": "INVALID_LOGIN"}}', status=401)
        assert (request.params["script"], request.params["deploy"]) == ("271", "1")
        start = int(request.params.get("after", 0))
        return answer(
            {"items": items[start : start + 1], "next": str(start + 1) if start == 0 else None}
        )

    feed(given, path="/app/site/hosting/restlet.nl?script=271&deploy=1", whole_map=worked("netsuite"),
         **KEYS)  # fmt: skip
    assert run("reconcile").code == 0
    assert skus() == {"MUG-11-BLK": 5, "PEN-1": 0}
    black = Variant.objects.get(sku="MUG-11-BLK")
    assert (black.stock_available, black.product.code, black.brand.external_id) == (
        3,
        "MUG-11",
        "7",
    )
    assert Variant.objects.get(sku="PEN-1").is_published is False
    assert set(StockLevel.objects.filter(variant=black).values_list("location__name", "incoming")) == {
        ("East", 0), ("West", 10),
    }  # fmt: skip
    assert document("MUG-11-BLK")["options"] == {"Color": "Black"}


# -- Business Central ------------------------------------------------------------------------------


def test_business_central(feed):
    desk = {
        "@odata.etag": 'W/"x"', "id": "8a4e1d34-0001", "number": "1896-S",
        "displayName": "ATHENS Desk", "unitPrice": 1000.8, "inventory": 4, "blocked": False, "gtin": "",
        "itemCategory": {"displayName": "Desks"}, "itemVariants": [],
    }  # fmt: skip
    chair = desk | {
        "id": "8a4e1d34-0002", "number": "1900-S", "displayName": "PARIS Chair", "unitPrice": 192.799,
        "inventory": 7, "blocked": True,
        "itemVariants": [
            {"id": "v-blue", "code": "BLUE", "description": "PARIS Chair, blue", "sku": "1900-S-BLUE"},
            {"id": "v-red", "code": "RED", "description": "PARIS Chair, red", "sku": "1900-S-RED"},
        ],
    }  # fmt: skip

    def given(request):
        assert request.authorization == "Basic " + base64.b64encode(b"TRADE:key").decode()
        here = f"{request.base}{request.path}"
        if "$skiptoken" in request.params:
            return answer({"value": [chair]})
        link = f"{here}?$expand=itemVariants,itemCategory&$skiptoken=8a4e1d34-0001"
        return answer({"@odata.context": "x", "value": [desk], "@odata.nextLink": link})

    feed(given, path="/api/v2.0/companies(1)/items?$expand=itemVariants,itemCategory",
         whole_map=worked("business_central"), key="TRADE", secret="key")  # fmt: skip
    assert run("reconcile").code == 0
    assert skus() == {"1896-S": 4, "1900-S-BLUE": 7, "1900-S-RED": 7}
    blue, athens = Variant.objects.get(sku="1900-S-BLUE"), Variant.objects.get(sku="1896-S")
    assert (blue.list_price, blue.is_published, blue.product.code) == (
        Decimal("192.80"),
        False,
        "1900-S",
    )
    assert (athens.list_price, athens.is_published) == (Decimal("1000.80"), True)
    assert document("1900-S-RED")["options"] == {"Variant": "RED"}
    assert document("1896-S")["options"] == {}
