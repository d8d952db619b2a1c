"""The sandbox is made once, mended where it differs, and never shown by halves."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Q

from catalog_mirror import brake, mirror
from catalog_mirror.models import (
    SANDBOX_RANK,
    SANDBOX_SOURCE,
    BrakeRelease,
    HeldChange,
    QuarantinedRecord,
    Source,
    Variant,
)
from contract.sandbox import goods, making
from contract.sandbox.making import make_sandbox
from contract.tasks import make_sandbox as task
from customers import versions
from customers.models import SANDBOX, Customer, CustomerTerms, VisibilityRule
from groundwork.models import Alarm, AuditEntry
from pricing.models import OrderMinimum, OrderRule, PriceRule
from tests.contract.sandbox.test_goods import SKUS
from tests.factories import (
    CustomerFactory,
    SourceFactory,
    a_product,
    a_variant,
    allow,
    client_of,
    mirrored,
    newest_revision,
    now,
    with_terms,
)

STEPS = ("_source", "_hide", "_categories", "_leftovers", "_goods", "_customer", "_rules")


@pytest.fixture
def tester(database):
    return client_of(with_terms(CustomerFactory()), mode="test")


def seen(client) -> list[str]:
    return [item["sku"] for item in client.get("/v1/products?limit=500").json()["data"]]


def standing(model) -> int:
    return model.objects.filter(until_revision=None).count()


def test_it_is_made_of_a_source_a_customer_and_rules_of_its_own(tester):
    assert make_sandbox() is True
    source = Source.objects.get(pk=SANDBOX_SOURCE)
    assert (source.slug, source.rank, source.sku_prefix) == ("sandbox", SANDBOX_RANK, "SANDBOX-")
    assert Customer.objects.get(pk=SANDBOX).slug == "sandbox"
    assert Variant.objects.filter(source=source, is_published=True).count() == 50
    counts = [standing(each) for each in (VisibilityRule, PriceRule, OrderRule, OrderMinimum)]
    assert counts == [2, 9, 2, 1]
    assert CustomerTerms.objects.get(customer=SANDBOX).tier is None
    assert set(
        AuditEntry.objects.filter(actor="make_sandbox").values_list("action", flat=True)
    ) == {
        "visibilityrule.opened",
        "pricerule.opened",
        "orderrule.opened",
        "orderminimum.opened",
        "customerterms.opened",
    }
    assert len(seen(tester)) == 50


def test_the_next_run_writes_nothing(tester):
    assert "is made" in run()
    before = (newest_revision(), AuditEntry.objects.count(), observed())
    assert "nothing was written" in run()
    task()
    assert (newest_revision(), AuditEntry.objects.count(), observed()) == before


def run() -> str:
    out = StringIO()
    call_command("make_sandbox", stdout=out)
    return out.getvalue()


def observed() -> list:
    with connection.cursor() as cursor:
        cursor.execute("select max(content_at), max(xmin::text) from catalog_mirror_observation")
        return cursor.fetchall()


def test_several_at_once_make_one(tester):
    def make() -> bool:
        try:
            return make_sandbox()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        made = [each.result() for each in [pool.submit(make) for _ in range(3)]]
    assert True in made
    assert make_sandbox() is False
    counts = [standing(each) for each in (VisibilityRule, PriceRule, OrderRule, OrderMinimum)]
    assert counts == [2, 9, 2, 1]
    # One of the rules that hide it, one of the categories, one of the goods, one of its own rules.
    assert newest_revision() == 1 + 4
    assert len(seen(tester)) == 50


@pytest.mark.parametrize("step", STEPS)
def test_cut_off_anywhere_it_shows_nothing_and_the_next_run_ends_it(tester, monkeypatch, step):
    alice = with_terms(CustomerFactory())
    allow(customer=alice)
    with monkeypatch.context() as cut:
        cut.setattr(making, step, killed)
        with pytest.raises(KeyboardInterrupt):
            make_sandbox()
    answer = tester.get("/v1/products")
    assert (answer.status_code, answer.json()["code"]) == (503, "sandbox_unavailable")
    assert answer["Retry-After"] == "60"
    assert seen(client_of(alice)) == []
    make_sandbox()
    assert len(seen(tester)) == 50
    assert seen(client_of(alice)) == []


def killed() -> bool:
    raise KeyboardInterrupt


def test_what_the_code_says_now_is_told_as_a_change(tester, monkeypatch):
    make_sandbox()
    cursor = tester.get("/v1/changes?limit=500").json()["delta_cursor"]
    [first, *others] = goods.products()
    variant = first.variants[0]
    moved = replace(variant, price=goods.Price(list_price=Decimal("16.00")))
    changed = replace(first, variants=(moved, *first.variants[1:]))
    monkeypatch.setattr(making, "products", lambda: [changed, *others])
    assert make_sandbox() is True
    told = tester.get("/v1/changes", {"since": cursor}).json()["data"]
    assert [(e["op"], e["sku"], e["changed"]) for e in told] == [
        ("upsert", "SANDBOX-TEE-BLA-S", ["price"])
    ]
    assert told[0]["item"]["price"]["unit"] == "12.00"


def test_what_the_code_says_no_more_goes_past_the_brake(tester, monkeypatch):
    make_sandbox()
    monkeypatch.setattr(making, "products", lambda: goods.products()[2:])
    assert make_sandbox() is True
    assert len(seen(tester)) == 22
    assert BrakeRelease.objects.get().variants == 8  # of 28 the brake held what is more than 20
    assert HeldChange.objects.count() == 0
    assert not Alarm.objects.filter(closed_at=None).exists()
    monkeypatch.undo()
    assert make_sandbox() is True
    assert len(seen(tester)) == 50


def test_a_brake_that_another_run_released_is_no_fault(tester, monkeypatch):
    make_sandbox()
    monkeypatch.setattr(making, "products", lambda: goods.products()[2:])
    release = brake.release

    def after_another(source, **says):
        release(source, actor="the other run")
        return release(source, **says)

    monkeypatch.setattr(brake, "release", after_another)
    assert make_sandbox() is True
    assert len(seen(tester)) == 22


def test_what_was_done_to_it_is_undone(tester):
    make_sandbox()
    before = tester.get("/v1/products?limit=500").json()["data"]
    source = Source.objects.get(pk=SANDBOX_SOURCE)
    mirror.retire(source, ["TEE-BLA-S"], observed_at=now(), origin="test")
    Source.objects.filter(pk=SANDBOX_SOURCE).update(name="Ours", rank=1)
    Customer.objects.filter(pk=SANDBOX).update(name="Nobody")
    versions.settle({VisibilityRule: []}, standing=Q(source=SANDBOX_SOURCE), actor="mallory")
    assert len(before) == 50
    assert seen(tester) == []
    assert make_sandbox() is True
    assert make_sandbox() is False
    assert tester.get("/v1/products?limit=500").json()["data"] == before
    assert standing(VisibilityRule) == 2
    assert tester.get("/v1/me").json()["customer"] == {"slug": "sandbox", "name": "Sandbox"}


def test_where_its_slug_is_taken_it_has_another(database):
    SourceFactory(slug="sandbox")
    tester = client_of(with_terms(CustomerFactory(slug="sandbox")), mode="test")
    assert make_sandbox() is True
    assert make_sandbox() is False
    assert tester.get("/v1/me").json()["customer"]["slug"] == "sandbox-of-tradecounter"
    found = {item["source"] for item in tester.get("/v1/products").json()["data"]}
    assert found == {"sandbox-of-tradecounter"}


def test_a_shop_takes_its_sku_from_the_sandbox(tester):
    make_sandbox()
    shop = SourceFactory(slug="shop")
    applied = mirrored(shop, a_product("p1", a_variant("1", sku="SANDBOX-QUOTE")))
    assert (applied.quarantined, applied.unread_holders) == ([], {})
    assert Variant.objects.get(sku="SANDBOX-QUOTE", retired_at=None).source == shop
    assert len(seen(tester)) == 49
    assert QuarantinedRecord.objects.get().source_id == SANDBOX_SOURCE
    before = newest_revision()
    assert make_sandbox() is False
    assert newest_revision() == before


def test_it_takes_no_sku_from_a_shop(tester):
    shop = SourceFactory(slug="shop")
    taken = ("SANDBOX-QUOTE", "SANDBOX-PALLET", "SANDBOX-BOTTLE-500ML")
    mirrored(shop, *(a_product(f"p{n}", a_variant(str(n), sku=sku)) for n, sku in enumerate(taken)))
    make_sandbox()
    assert Variant.objects.get(sku="SANDBOX-QUOTE", retired_at=None).source == shop
    assert sorted({*SKUS} - {*seen(tester)}) == sorted(taken)
    assert [standing(each) for each in (PriceRule, OrderRule)] == [7, 1]
    assert make_sandbox() is False
