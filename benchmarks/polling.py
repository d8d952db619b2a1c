"""What it costs to ask again when nothing changed, and what whole views cost; in small and in large."""

import http.client
import json

from django.db import connection

from benchmarks import requests_cpu, world
from benchmarks.requests_cpu import Case, Result
from catalog_mirror.models import Variant
from customers.models import VisibilityRule

MANY = 1_000_000
_PAGE = "/v1/products?limit=100"

# Variants like those there are, under the same products; only what a poll looks at.
_MULTIPLY = """
    insert into catalog_mirror_variant (
        source_id, external_id, sku, is_published, brand_id, product_id, category_ids, category_depths,
        list_price, currency, tax_included, stock_on_hand, stock_available, stock_status,
        created_revision, content_revision, stock_revision, touched_revision)
    select v.source_id, v.external_id || '-' || n, v.sku || '-' || n, v.is_published, v.brand_id,
        v.product_id, v.category_ids, v.category_depths, v.list_price, v.currency, v.tax_included,
        v.stock_on_hand, v.stock_available, v.stock_status, v.created_revision, v.content_revision,
        v.stock_revision, v.touched_revision
    from catalog_mirror_variant v cross join generate_series(1, %s) n
"""

_DOCUMENTS = """
    insert into catalog_mirror_variantdocument (variant_id, body)
    select v.id, '{"sku":"' || v.sku || '"}' from catalog_mirror_variant v
    where not exists (select from catalog_mirror_variantdocument d where d.variant_id = v.id)
"""


def measure() -> tuple[list[Result], list[Result]]:
    """Return the cases with the ordinary world, and the polls again with a million variants."""
    keys = world.build()
    sku = seen_by_all()
    cursors: dict[str, str] = {}
    tags: dict[str, str] = {}

    def look_once(port: int) -> None:
        for key in keys:
            cursors[key], tags[key] = _held_by(port, key)

    page = Case("page of 100", lambda _: _PAGE, "/page", 0.45)
    polls = [
        Case("empty delta", lambda key: f"/v1/changes?since={cursors[key]}", "/nothing", 0.3),
        Case("304 of a page of 100", lambda _: _PAGE, "/nothing", None, tags),
    ]
    whole = Case("whole stock view", lambda _: "/v1/stock?limit=all", "/stock", 0.45, requests=20)
    one = Case("one SKU", lambda _: f"/v1/products/{sku}", f"/{sku}", 0.35)
    small = requests_cpu.measure([page, whole, one, *polls], keys, first=look_once)
    _multiply()
    return small, requests_cpu.measure([page, *polls], keys, first=look_once)


def seen_by_all() -> str:
    """Return a SKU whose brand no tier's rules deny."""
    denied = VisibilityRule.objects.filter(effect="deny").values_list("brand_id", flat=True)
    return (
        Variant.objects.exclude(brand_id__in=denied).order_by("pk").values_list("sku", flat=True)[7]
    )


def _held_by(port: int, key: str) -> tuple[str, str]:
    """Return what a partner holds that asked just now: the cursor of the present, a page's tag."""
    client = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {key}"}
    client.request("GET", _PAGE, headers=headers)
    answer = client.getresponse()
    answer.read()
    client.request("GET", "/v1/changes?since=latest", headers=headers)
    cursor = json.loads(client.getresponse().read())["delta_cursor"]
    return cursor, str(answer.headers["ETag"])


def _multiply() -> None:
    """Make the catalogue fifty times as large, past the mirror: what was there stays as it is."""
    with connection.cursor() as cursor:
        cursor.execute("set statement_timeout = 0")
        cursor.execute(_MULTIPLY, [MANY // world.VARIANTS - 1])
        cursor.execute(_DOCUMENTS)
    world.settle()
