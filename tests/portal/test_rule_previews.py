"""A draft of a rule is looked at before it is saved: what it says comes true, and nothing is written."""

import re

import pytest

from customers.models import VisibilityRule
from groundwork.models import AuditEntry
from pricing.models import OrderMinimum, PriceRule
from tests.factories import fixed_price, newest_revision, seen_by
from tests.portal.conftest import of_group

WINDOW = {f"{name}_{n}": "" for name in ("starts_at", "ends_at") for n in (0, 1)}
PRICE = {
    "kind": "fixed",
    "amount": "5",
    "currency": "USD",
    "minimum_quantity": "1",
    "counted_per": "variant",
    "priority": "0",
    **WINDOW,
}


def rows(answer) -> dict[str, list[list[object]]]:
    tables = answer.context["tables"]
    return {table.title: [[cell.value for cell in row] for row in table.rows] for table in tables}


def sent_again(staff, page: str, answer):
    """Press the button of the preview's page, as a browser does."""
    form = answer.content.decode().partition("<form method")[2].partition("</form>")[0]
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    fields = {name: value for name, value in hidden if name != "csrfmiddlewaretoken"}
    return staff.post(page, fields | {"_save": "yes"})


def test_a_new_grant_is_previewed_and_then_saved_as_it_was(people, staff):
    before = (newest_revision(), AuditEntry.objects.count())
    page = "/admin/customers/visibilityrule/add/"
    says = {"effect": "allow", "customer": people.carol.pk, "brand": people.northcup.pk, **WINDOW}
    answer = staff.post(page, says | {"_preview": "yes"})
    assert rows(answer)["Appear: 2"] == [
        ["carol", "MUG-11-BLK", "hidden", "10.00 USD"],
        ["carol", "MUG-11-WHT", "hidden", "10.00 USD"],
    ]
    assert (newest_revision(), AuditEntry.objects.count()) == before
    assert seen_by(people.carol) == {}
    assert sent_again(staff, page, answer).status_code == 302
    assert set(seen_by(people.carol)) == {"MUG-11-BLK", "MUG-11-WHT"}


def test_a_changed_price_is_previewed_against_the_one_that_stands(people, staff):
    rule = PriceRule.objects.get(customer=people.bob)
    page = f"/admin/pricing/pricerule/{rule.pk}/change/"
    says = PRICE | {"customer": people.bob.pk, "product": people.mug.pk}
    answer = staff.post(page, says | {"_preview": "yes"})
    assert rows(answer)["Cost or are sold otherwise: 2"][0] == [
        "bob",
        "MUG-11-BLK",
        "9.99 USD",
        "5.00 USD",
    ]
    assert seen_by(people.bob)["MUG-11-BLK"] == "9.99"
    assert sent_again(staff, page, answer).status_code == 302
    assert seen_by(people.bob)["MUG-11-BLK"] == "5.00"


def test_what_is_ordered_otherwise_says_so(people, staff):
    says = {"minimum_quantity": "12", "step": "6", "maximum_quantity": "", "priority": "0"}
    page = "/admin/pricing/orderrule/add/"
    who = {"customer": people.bob.pk, "product": people.mug.pk, **WINDOW}
    answer = staff.post(page, says | who | {"_preview": "yes"})
    assert rows(answer)["Cost or are sold otherwise: 2"][0][2:] == [
        "from 1 by 1 to any",
        "from 12 by 6 to any",
    ]


def test_a_draft_with_a_fault_is_told_at_its_field_as_when_it_is_saved(people, staff):
    page, before = "/admin/pricing/pricerule/add/", PriceRule.objects.count()
    says = PRICE | {"customer": people.bob.pk, "amount": "-5"}
    answer = staff.post(page, says | {"_preview": "yes"})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    assert PriceRule.objects.count() == before


@pytest.mark.parametrize("group", ["Catalogue viewer", "Operator"])
def test_who_may_not_change_rules_previews_none(people, group):
    client = of_group(group)
    rule = VisibilityRule.objects.get(customer=people.bob)
    says = {"effect": "deny", "_preview": "yes", **WINDOW}
    for page in ("add/", f"{rule.pk}/change/"):
        assert client.post(f"/admin/customers/visibilityrule/{page}", says).status_code == 403


def test_a_rule_that_was_superseded_is_not_previewed(people, staff):
    rule = fixed_price("1", customer=people.alice)
    PriceRule.objects.filter(pk=rule.pk).update(until_revision=newest_revision() + 1)
    says = PRICE | {"customer": people.alice.pk, "_preview": "yes"}
    assert staff.post(f"/admin/pricing/pricerule/{rule.pk}/change/", says).status_code == 403
    assert staff.post("/admin/pricing/pricerule/999/change/", says).status_code == 403


def test_other_terms_are_previewed_and_then_saved_as_they_were(people, staff):
    stands = people.alice.customerterms_set.get(until_revision=None)
    page = f"/admin/customers/customerterms/{stands.pk}/change/"
    window = {f"contract_{name}_at_{n}": "" for name in ("starts", "ends") for n in (0, 1)}
    says = {"status": "suspended", "currency": "USD", "unpriced": "list_price", **window}
    before = (newest_revision(), AuditEntry.objects.count())
    answer = staff.post(page, says | {"_preview": "yes"})
    assert len(rows(answer)["Vanish: 4"]) == 4
    assert "It is about 4 published SKUs, for 1 customer; 1 with" in answer.content.decode()
    assert (newest_revision(), AuditEntry.objects.count()) == before
    assert len(seen_by(people.alice)) == 4
    assert sent_again(staff, page, answer).status_code == 302
    assert people.alice.customerterms_set.get(until_revision=None).status == "suspended"


def test_an_order_minimum_is_previewed_by_customer(people, staff):
    says = {
        "minimum_value": "100",
        "currency": "USD",
        "needs": "all",
        "customer": people.bob.pk,
        "priority": "0",
        **WINDOW,
    }
    page = "/admin/pricing/orderminimum/add/"
    answer = staff.post(page, says | {"_preview": "yes"})
    assert rows(answer) == {
        "Orders have to come to something else: 1 customers": [
            ["bob", "any size", "at least 100 USD"]
        ]
    }
    assert not OrderMinimum.objects.exists()
    assert sent_again(staff, page, answer).status_code == 302
    assert OrderMinimum.objects.get().customer == people.bob
