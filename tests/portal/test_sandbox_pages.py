"""Staff see the sandbox as what it is, and can do nothing to it."""

import pytest

from apikeys.models import ApiKey, CustomerLimit
from catalog_mirror.models import SANDBOX_SOURCE
from contract.sandbox.making import make_sandbox
from customers.models import SANDBOX, Customer, CustomerTerms, VisibilityRule
from groundwork.models import AuditEntry
from portal import figures
from portal.application_forms import ApprovalForm
from portal.measures import MEASURES, read
from tests.factories import client_of, newest_revision

PAGES = "/admin/customers/customer/"


@pytest.fixture
def people(people):
    make_sandbox()
    return people


@pytest.fixture
def unchanged(staff):
    before = (newest_revision(), AuditEntry.objects.count(), list(Customer.objects.values()))
    yield
    assert (
        newest_revision(),
        AuditEntry.objects.count(),
        list(Customer.objects.values()),
    ) == before


def said(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_leads_to_its_page_and_that_says_what_it_is(staff):
    assert f"{PAGES}{SANDBOX}/page/" in said(staff.get(PAGES))
    page = said(staff.get(f"{PAGES}{SANDBOX}/page/"))
    assert "Test keys of all customers are answered from it." in page
    assert "Add a rule" not in page
    assert "Change the terms" not in page
    assert "Test keys of all customers" not in said(staff.get(f"{PAGES}{bob()}/page/"))


def bob() -> int:
    return Customer.objects.get(slug="bob").pk


def test_its_view_is_shown_explained_and_compared(staff):
    assert "SANDBOX-TEE-BLA-S" in said(staff.get(f"{PAGES}{SANDBOX}/view/"))
    why = staff.get(f"{PAGES}{SANDBOX}/why/", {"sku": "SANDBOX-QUOTE", "quantity": 1})
    assert "A rule allows it and none denies it." in said(why)
    compared = staff.get(f"{PAGES}{SANDBOX}/compare/", {"other": bob(), "q": "SANDBOX-QUOTE"})
    assert "SANDBOX-QUOTE" in said(compared)
    assert staff.get(f"{PAGES}-2/page/").status_code == 404


def test_its_form_is_not_for_saving(staff, unchanged):
    url = f"{PAGES}{SANDBOX}/change/"
    assert 'name="_save"' not in said(staff.get(url))
    posted = {"name": "Ours", "payment_terms": "prepaid", "contact_email": "", "credit_limit": ""}
    assert staff.post(url, posted).status_code == 403


def test_a_rule_for_it_is_refused_on_the_form(staff, unchanged):
    url = "/admin/customers/visibilityrule/add/"
    for who in ({"customer": SANDBOX}, {"source": SANDBOX_SOURCE}):
        assert "made by `manage.py make_sandbox`" in said(
            staff.post(url, {"effect": "deny", **who})
        )


def test_what_hides_it_is_neither_changed_nor_withdrawn(staff, unchanged):
    rule = VisibilityRule.objects.get(customer=None, source=SANDBOX_SOURCE)
    url = f"/admin/customers/visibilityrule/{rule.pk}/change/"
    assert 'name="_save"' not in said(staff.get(url))
    assert staff.post(url, {"effect": "allow"}).status_code == 403
    posted = {"action": "withdraw", "_selected_action": rule.pk, "apply": 1}
    answer = staff.post("/admin/customers/visibilityrule/", posted, follow=True)
    assert "make_sandbox" in said(answer)
    assert "0 withdrawn." in said(answer)


def test_who_chooses_all_customers_changes_all_but_the_sandbox(staff, people):
    chosen = [people.bob.pk, SANDBOX]
    posted = {"action": "change_tier", "_selected_action": chosen}
    asked = said(staff.post(PAGES, posted))
    assert ("Change the tier of 1 customer" in asked, "Sandbox" in asked.split("<main")[-1]) == (
        True,
        False,
    )
    answer = staff.post(PAGES, posted | {"tier": people.gold.pk, "apply": 1}, follow=True)
    assert "1 changed." in said(answer)
    terms = CustomerTerms.objects.filter(customer__in=chosen, until_revision=None)
    assert dict(terms.values_list("customer", "tier")) == {
        people.bob.pk: people.gold.pk,
        SANDBOX: None,
    }


def test_it_is_given_no_key_and_no_limit(staff, unchanged):
    posted = {"customer": SANDBOX, "mode": "test", "label": "", "how": "shown"}
    answer = staff.post("/admin/apikeys/apikey/add/", posted)
    assert "Give a customer a test key." in said(answer)
    posted = {"customer": SANDBOX, "requests_a_minute": 5}
    answer = staff.post("/admin/apikeys/customerlimit/add/", posted)
    assert "a test key has its customer" in said(answer)
    assert not ApiKey.objects.filter(customer=SANDBOX).exists()
    assert not CustomerLimit.objects.exists()


def test_home_and_levels_know_nothing_of_it(staff, people):
    client_of(people.bob, mode="test").get("/v1/products")
    figures.sum_up()
    page = said(staff.get("/admin/"))
    assert "Sandbox" not in page
    assert "Stale sources" not in page
    of_sources = [m for m in MEASURES if "source" in m.labels]
    assert len(of_sources) > 5
    for measure in of_sources:
        assert [each.labels for each in read(measure)] == []


def test_an_approval_suggests_the_currency_of_a_real_shop(people):
    people.source.currency = "EUR"
    people.source.save()

    class Applicant:
        business_name, contact_email = "Elm", "elm@elm.example"

    assert ApprovalForm(application=Applicant()).initial["currency"] == "EUR"
