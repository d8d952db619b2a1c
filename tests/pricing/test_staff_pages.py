"""Staff set rules on their pages: a save supersedes, a withdrawal ends, an old version is restored."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers import versions
from customers.models import Customer, CustomerTerms, VisibilityRule
from groundwork.models import AuditEntry
from pricing.entry import add_price_rule
from pricing.models import OrderMinimum, OrderRule, PriceRule
from tests.factories import (
    cast,
    client_of,
    fixed_price,
    newest_revision,
    percent_off,
    seen_by,
    variant,
    withdrawn,
)


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def staff(people) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


def saved(staff: Client, model, pk: int | None = None, **says):
    """Post the form of a model as a browser does; return the answer."""
    page = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    split = {}
    for name in ("starts_at", "ends_at", "contract_starts_at", "contract_ends_at"):
        day, _, time = says.pop(name, "").partition(" ")
        split |= {f"{name}_0": day, f"{name}_1": time}
    return staff.post(f"{page}{pk}/change/" if pk else f"{page}add/", split | says)


def problems(answer) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return dict(answer.context["adminform"].form.errors)


PRICE = {
    "kind": "fixed",
    "amount": "9.50",
    "currency": "USD",
    "minimum_quantity": "1",
    "counted_per": "variant",
    "priority": "0",
}


def test_a_price_rule_is_added_with_its_breaks_and_holds_at_once(people, staff):
    who_and_what = {"customer": people.bob.pk, "product": people.mug.pk, "priority": "1"}
    answer = saved(
        staff,
        PriceRule,
        **PRICE | who_and_what,
        breaks="50: 8.75 Pallet\n\n200: 8",
    )
    assert answer.status_code == 302
    rule = PriceRule.objects.get(priority=1)
    assert rule.breaks == [
        {"minimum_quantity": 50, "value": "8.75", "name": "Pallet"},
        {"minimum_quantity": 200, "value": "8", "name": ""},
    ]
    assert seen_by(people.bob)["MUG-11-BLK"] == "9.50"
    assert AuditEntry.objects.get(actor="ann").action == "pricerule.opened"


def test_a_save_supersedes_and_the_old_version_stays_as_it_was(people, staff):
    rule = fixed_price("9", customer=people.bob, variant=variant("MUG-11-BLK"))
    page = f"/admin/pricing/pricerule/{rule.pk}/change/"
    assert staff.get(page).status_code == 200
    fields = PRICE | {"customer": people.bob.pk, "variant": rule.variant_id, "amount": "8"}
    assert saved(staff, PriceRule, rule.pk, **fields).status_code == 302
    old, new = PriceRule.objects.filter(rule_uid=rule.rule_uid).order_by("pk")
    assert (old.amount, new.amount, old.until_revision) == (9, 8, new.from_revision)
    assert seen_by(people.bob)["MUG-11-BLK"] == "8.00"
    assert saved(staff, PriceRule, old.pk, **fields).status_code == 403


@pytest.mark.parametrize(
    ("says", "field", "told"),
    [
        ({"breaks": "50: 9.60"}, "breaks", "would rise"),
        ({"breaks": "50: 8\n50: 7"}, "breaks", "does not lie above"),
        ({"breaks": "fifty 8"}, "breaks", "write a break as"),
        ({"breaks": "fifty: 8"}, "breaks", "whole number"),
        ({"amount": "-1"}, "amount", "negative"),
        ({"amount": "1.00001"}, "amount", "4 decimal places"),
        ({"amount": ""}, "__all__", "Give a percentage, a price, or what is exempt"),
        ({"kind": "contract"}, "__all__", "names the customer"),
        ({"counted_per": "category"}, "__all__", "names that category"),
        ({"currency": "usd"}, "__all__", "three letters"),
        ({"starts_at": "2026-02-02 10:00", "ends_at": "2026-02-02 10:00"}, "__all__", "window"),
        ({"tier": "TIER", "customer": "BOB"}, "__all__", "who"),
        ({"brand": "BRAND", "product": "MUG"}, "__all__", "what"),
    ],
)
def test_what_no_rule_may_say_is_refused_at_its_field(people, staff, says, field, told):
    named = {"TIER": people.gold.pk, "BOB": people.bob.pk, "MUG": people.mug.pk,
             "BRAND": people.northcup.pk}  # fmt: skip
    before = newest_revision(), PriceRule.objects.count()
    answer = saved(staff, PriceRule, **PRICE | {n: named.get(v, v) for n, v in says.items()})
    assert told in " ".join(problems(answer)[field])
    assert (newest_revision(), PriceRule.objects.count()) == before


def test_two_equal_rules_are_refused(people, staff):
    fields = PRICE | {"customer": people.bob.pk}
    assert saved(staff, PriceRule, **fields).status_code == 302
    answer = saved(staff, PriceRule, **fields | {"amount": "5"})
    assert "is there already" in problems(answer)["__all__"][0]


def test_a_rule_is_withdrawn_and_restored(people, staff):
    rule = fixed_price("1", customer=people.alice)

    def act(action: str) -> None:
        chosen = {"action": action, "_selected_action": [rule.pk]}
        asked = staff.post("/admin/pricing/pricerule/", chosen)
        assert f"{action.title()} 1 rule" in asked.content.decode()
        confirmed = staff.post("/admin/pricing/pricerule/", chosen | {"apply": "yes"})
        assert confirmed.status_code == 302

    assert seen_by(people.alice)["CAP-01"] == "1.00"
    act("withdraw")
    assert seen_by(people.alice)["CAP-01"] == "7.00"
    assert not PriceRule.objects.filter(rule_uid=rule.rule_uid, until_revision=None).exists()
    act("restore")
    standing = PriceRule.objects.get(rule_uid=rule.rule_uid, until_revision=None)
    assert (standing.amount, standing.customer) == (Decimal(1), people.alice)
    assert seen_by(people.alice)["CAP-01"] == "1.00"
    actions = AuditEntry.objects.filter(actor="ann").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["pricerule.withdrawn", "pricerule.restored"]


def test_every_kind_of_rule_has_its_page(people, staff):
    who = {"customer": people.bob.pk, "priority": "0"}
    order = {"minimum_quantity": "12", "step": "6", "maximum_quantity": ""}
    assert saved(staff, OrderRule, **order, **who).status_code == 302
    least = {"minimum_value": "100", "currency": "USD", "minimum_quantity": "", "needs": "all"}
    assert saved(staff, OrderMinimum, **least, **who).status_code == 302
    assert saved(staff, VisibilityRule, effect="allow", customer=people.carol.pk).status_code == 302
    assert len(seen_by(people.carol)) == 4
    item = client_of(people.bob).get("/v1/products/MUG-11-BLK").json()
    assert item["order"] == {"minimum_quantity": 12, "step": 6, "maximum_quantity": None}
    assert client_of(people.bob).get("/v1/me").json()["order_minimum"]["value"] == "100.00"


def test_a_customer_is_taken_on_by_its_pages(people, staff):
    page = "/admin/customers/customer/add/"
    assert (
        staff.post(page, {"slug": "erin", "name": "Erin", "payment_terms": "prepaid"}).status_code
        == 302
    )
    erin = Customer.objects.get(slug="erin")
    says = {"status": "active", "currency": "USD", "unpriced": "list_price"}
    assert (
        saved(staff, CustomerTerms, customer=erin.pk, tier=people.gold.pk, **says).status_code
        == 302
    )
    assert len(seen_by(erin)) == 4
    terms = versions.terms_of(erin.pk)
    ended = says | {"status": "ended", "tier": people.gold.pk}
    assert saved(staff, CustomerTerms, terms.pk, **ended).status_code == 302
    assert client_of(erin).get("/v1/products").status_code == 403


def test_staff_without_the_right_change_nothing(people):
    viewer = User.objects.create_user("vera", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_pricerule"))
    client = Client()
    client.force_login(viewer)
    assert client.get("/admin/pricing/pricerule/").status_code == 200
    assert client.get("/admin/pricing/pricerule/add/").status_code == 403
    before = newest_revision()
    assert saved(client, PriceRule, **PRICE).status_code == 403
    assert newest_revision() == before


def test_goods_and_people_are_found_as_one_types(people, staff):
    for name, term, found in (
        ("variant", "PEN", "PEN-01"),
        ("product", "MUG", "MUG-11"),
        ("customer", "ali", "Alice"),
        ("category", "mugs", "Mugs"),
    ):
        query = {
            "term": term, "app_label": "pricing", "model_name": "pricerule", "field_name": name,
        }  # fmt: skip
        results = staff.get("/admin/autocomplete/", query).json()["results"]
        assert found in [result["text"] for result in results]


def test_what_was_withdrawn_cannot_be_withdrawn_again(people, staff):
    rule = fixed_price("1", customer=people.alice)
    withdrawn(rule)
    before = newest_revision()
    staff.post(
        "/admin/pricing/pricerule/",
        {"action": "withdraw", "apply": "yes", "_selected_action": [rule.pk]},
    )
    assert newest_revision() == before


def test_a_currency_has_three_capital_letters(people, staff):
    says = {"status": "active", "currency": "usd", "unpriced": "list_price"}
    erin = Customer.objects.create(slug="erin", name="Erin")
    answer = saved(staff, CustomerTerms, customer=erin.pk, **says)
    assert "three capital letters" in problems(answer)["__all__"][0]


def test_a_save_that_comes_too_late_says_so(people, staff, monkeypatch):
    """The rule is withdrawn between the page's check and its write."""
    rule = fixed_price("9", customer=people.bob, variant=variant("MUG-11-BLK"))
    change = versions.change

    def too_late(*args, **says):
        withdrawn(rule)
        return change(*args, **says)

    monkeypatch.setattr(versions, "change", too_late)
    fields = PRICE | {"customer": people.bob.pk, "variant": rule.variant_id}
    answer = saved(staff, PriceRule, rule.pk, **fields)
    assert answer.status_code == 302
    page = staff.get("/admin/pricing/pricerule/").content.decode()
    assert "Nothing was saved." in page


def test_asking_before_rules_are_withdrawn_takes_as_many_queries_for_ten_more(people, staff):
    def asked() -> int:
        pks = list(PriceRule.objects.filter(until_revision=None).values_list("pk", flat=True))
        with CaptureQueriesContext(connection) as queries:
            said = {"action": "withdraw", "_selected_action": pks}
            page = staff.post("/admin/pricing/pricerule/", said).content.decode()
        assert f"Withdraw {len(pks)} rule" in page
        return len(queries)

    few = asked()
    for number in range(10):
        fixed_price("1", customer=people.bob, variant=variant("PEN-01"), priority=number)
    assert asked() == few


def test_the_rules_of_a_tier_are_searched_for_by_its_name(people, staff):
    percent_off("5", tier=people.gold, product=people.mug, name="Spring")
    percent_off("5", customer=people.bob, name="Autumn")
    page = staff.get("/admin/pricing/pricerule/", {"q": "gold"}).content.decode()
    assert ("Spring" in page, "Autumn" in page) == (True, False)


def test_a_list_of_rules_tells_each_in_words_with_as_many_queries_for_ten_more(people, staff):
    add_price_rule(
        actor="ann", kind="contract", amount="8.50", currency="USD", customer=people.alice,
        variant=variant("PEN-01"), minimum_quantity=10, breaks=[{"start_qty": 50, "value": "8"}],
    )  # fmt: skip
    add_price_rule(actor="ann", kind="exempt", exempt_from="general", category=people.mugs)
    page = " ".join(staff.get("/admin/pricing/pricerule/").content.decode().split())
    for words in (
        "contract price 8.5 USD from 10, 8 USD from 50",
        "exempt from general discounts",
        "30 % off",
        "variant PEN-01",
        f"category {people.mugs.slug}",
    ):
        assert words in page
    with CaptureQueriesContext(connection) as few:
        staff.get("/admin/pricing/pricerule/")
    for number in range(10):
        fixed_price("1", customer=people.bob, variant=variant("PEN-01"), priority=number)
    with CaptureQueriesContext(connection) as many:
        staff.get("/admin/pricing/pricerule/")
    assert len(many) == len(few)
