"""What it costs to ask again when nothing changed, and what whole views cost; in small and in large."""

from collections.abc import Mapping

from django.db import connection

from apikeys.models import ApiKey
from benchmarks import requests_cpu, world
from benchmarks.requests_cpu import Case, Result
from catalog_mirror.models import Variant
from contract.change_cursors import ChangeCursor
from contract.delta import now_of
from contract.etags import NO_DIGEST, Tags
from contract.snapshots import snapshot_for
from customers.models import VisibilityRule
from groundwork.roles import role_name

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


def measure() -> tuple[list[Result], list[Result]]:
    """Return the cases with the ordinary world, and the polls again with a million variants."""
    keys = world.build()
    sku = seen_by_all()
    cursors, tags = _cursors(keys), _tags(keys)
    polls = [
        Case("empty delta", lambda key: f"/v1/changes?since={cursors[key]}", "/nothing", 0.3),
        Case("304 of a page of 100", lambda _: _PAGE, "/nothing", None, tags),
    ]
    small = requests_cpu.measure(
        [
            Case("page of 100", lambda _: _PAGE, "/page", 0.45),
            Case("whole stock view", lambda _: "/v1/stock?limit=all", "/stock", 0.45),
            Case("one SKU", lambda _: f"/v1/products/{sku}", f"/{sku}", 0.35),
            *polls,
        ],
        keys,
    )
    _multiply()
    return small, requests_cpu.measure(polls, keys)


def seen_by_all() -> str:
    """Return a SKU whose brand no tier's rules deny."""
    denied = VisibilityRule.objects.filter(effect="deny").values_list("brand_id", flat=True)
    return (
        Variant.objects.exclude(brand_id__in=denied).order_by("pk").values_list("sku", flat=True)[7]
    )


def _customers(keys: list[str]) -> Mapping[str, int]:
    owners = dict(ApiKey.objects.values_list("public_id", "customer_id"))
    return {key: owners[key.split("_")[2]] for key in keys}


def _cursors(keys: list[str]) -> dict[str, str]:
    """Return for each key the cursor of a client that knows all there is."""
    found = {}
    for key, customer in _customers(keys).items():
        with snapshot_for(customer) as snapshot:
            cursor = ChangeCursor(snapshot.epoch, since=now_of(snapshot), target=None)
        found[key] = cursor.sealed(customer)
    return found


def _tags(keys: list[str]) -> dict[str, str]:
    found = {}
    for key, customer in _customers(keys).items():
        with snapshot_for(customer) as snapshot:
            query = _PAGE.partition("?")[2]
            found[key] = Tags(customer, "/v1/products", query).of(snapshot, NO_DIGEST)
    return found


def _multiply() -> None:
    """Make the catalogue fifty times as large, past the mirror: what was there stays as it is."""
    with connection.cursor() as cursor:
        cursor.execute(_MULTIPLY, [MANY // world.VARIANTS - 1])
        cursor.execute("reset role")
        cursor.execute("vacuum analyze catalog_mirror_variant")
        cursor.execute(f'set role "{role_name(connection, "app")}"')
