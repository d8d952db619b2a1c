"""An application is decided: a partner made in one transaction and mailed its claim link, or told why not."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from apikeys.models import ApiKey, ClaimLink
from catalog_mirror.models import Revision
from customers import applications
from customers.models import (
    Application,
    Customer,
    CustomerTerms,
    VisibilityRule,
    VisibilityTemplate,
    VisibilityTemplateLine,
)
from groundwork.models import AuditEntry
from portal import first_calls, tasks, telling
from tests.factories import client_with, newest_revision, now, seen_by
from tests.portal.conftest import of_group, signed_in
from tests.portal.test_applying import FACTS


@pytest.fixture
def application(people) -> Application:
    applications.apply(address=None, **FACTS | {"monthly_volume": 1200})
    return Application.objects.get()


@pytest.fixture
def template(people) -> VisibilityTemplate:
    made = VisibilityTemplate.objects.create(name="Mugs alone")
    lines = VisibilityTemplateLine.objects
    lines.create(template=made, effect="allow", category=people.mugs)
    lines.create(template=made, effect="deny", brand=people.inkwell)
    return made


def decided(staff: Client, application: Application, decision: str, **says: object):
    fields = {f"{decision}-{name}": value for name, value in says.items()}
    page = f"/admin/customers/application/{application.pk}/change/"
    return staff.post(page, {"decision": decision, **fields})


def approved(staff: Client, application: Application, **says: object):
    usual = {
        "name": "Cedar Gifts",
        "slug": "cedar",
        "contact_email": "cleo@cedar.example",
        "payment_terms": "net_30",
        "credit_limit": "5000",
        "currency": "USD",
    }
    return decided(staff, application, "approve", **usual | says)


def link_in(mailed) -> str:
    return re.search(r"/claim/\S+", mailed.body)[0]


def test_approving_makes_the_customer_with_terms_and_rules_in_one_revision(
    people, staff, application, template
):
    before = newest_revision()
    answer = approved(staff, application, tier=people.gold.pk, template=template.pk)
    assert answer.status_code == 302
    cedar = Customer.objects.get(slug="cedar")
    assert (cedar.credit_limit, cedar.payment_terms) == (5000, "net_30")
    terms = CustomerTerms.objects.get(customer=cedar)
    rules = VisibilityRule.objects.filter(customer=cedar).order_by("pk")
    assert (terms.tier, terms.currency, terms.status) == (people.gold, "USD", "active")
    assert [(r.effect, r.category, r.brand) for r in rules] == [
        ("allow", people.mugs, None),
        ("deny", None, people.inkwell),
    ]
    assert newest_revision() == before + 1
    assert {terms.from_revision, *(r.from_revision for r in rules)} == {before + 1}
    assert Revision.objects.get(number=before + 1).origin == "approval by ann"
    # All of gold but what the template takes away.
    assert set(seen_by(cedar)) == {"MUG-11-BLK", "MUG-11-WHT", "CAP-01"}
    actions = list(AuditEntry.objects.filter(actor="ann").values_list("action", flat=True))
    assert sorted(actions) == [
        "application.approved",
        "customer.added",
        "customerterms.opened",
        "visibilityrule.opened",
        "visibilityrule.opened",
    ]


def test_from_the_mailed_link_to_the_first_answered_call(people, staff, application, clock):
    approved(staff, application, tier=people.gold.pk)
    [mailed] = mail.outbox
    assert mailed.to == ["cleo@cedar.example"]
    clock.move(timedelta(minutes=75))
    page = Client().post(link_in(mailed)).content.decode()
    key = re.search(r"tc_live_\w+", page)[0]
    assert first_calls.note_first_calls() == 0
    assert (
        client_with(key[:-1] + ("x" if key[-1] != "x" else "y")).get("/v1/products").status_code
        == 401
    )
    assert client_with(key).get("/v1/products/NONE").status_code == 404
    assert first_calls.note_first_calls() == 0
    assert client_with(key).get("/v1/products").status_code == 200
    assert first_calls.note_first_calls() == 1
    application.refresh_from_db()
    page = staff.get(f"/admin/customers/application/{application.pk}/change/").content.decode()
    assert "1 h 15 min after the approval" in page
    assert "1 h 15 min" in staff.get("/admin/customers/application/").content.decode()


def test_a_rejection_needs_a_note_and_mails_it(people, staff, application):
    answer = decided(staff, application, "reject", note="")
    assert answer.context["forms"]["reject"].errors["note"] == ["Say why: the applicant is told."]
    assert Application.objects.get().status == "pending"
    assert mail.outbox == []
    decided(staff, application, "reject", note="We sell within Europe alone.")
    application.refresh_from_db()
    assert (application.status, application.decided_by) == ("rejected", "ann")
    assert "We sell within Europe alone." in mail.outbox[0].body
    assert application.told_at
    assert not Customer.objects.filter(slug="cedar").exists()


def test_who_is_blocked_hears_nothing(people, staff, application):
    decided(staff, application, "block", note="spam")
    application.refresh_from_db()
    assert (application.status, application.decision_note) == ("blocked", "spam")
    tasks.tell_applicants()
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("field", "says", "told"),
    [
        ("slug", "alice", "Customer with this Slug already exists."),
        ("slug", "", "This field is required."),
        ("currency", "usd", "A currency has three capital letters, as in USD."),
        ("credit_limit", "-1", "A credit limit is zero or more."),
        ("credit_limit", "much", "Enter a number."),
        ("contact_email", "", "This field is required."),
        (
            "tier",
            "999999",
            "Select a valid choice. That choice is not one of the available choices.",
        ),
    ],
)
def test_a_wrong_approval_is_told_at_its_field_and_nothing_is_saved(
    people, staff, application, field, says, told
):
    before = (newest_revision(), AuditEntry.objects.count(), Customer.objects.count())
    answer = approved(staff, application, **{field: says})
    errors = answer.context["forms"]["approve"].errors
    assert told in errors.get(field, []) + errors.get("__all__", [])
    assert told in answer.content.decode()
    assert (newest_revision(), AuditEntry.objects.count(), Customer.objects.count()) == before
    assert Application.objects.get().status == "pending"


def test_what_fails_in_the_middle_leaves_nothing(people, application, template, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("half way")

    monkeypatch.setattr(applications, "_decide", broken)
    before = (newest_revision(), AuditEntry.objects.count())
    says = {"slug": "cedar", "name": "C", "contact_email": "", "tier": None, "currency": "USD"}
    more = {"credit_limit": None, "payment_terms": "prepaid", "template": template}
    with pytest.raises(RuntimeError):
        applications.approve(application.pk, applications.Admission(**says, **more), actor="ann")
    assert not Customer.objects.filter(slug="cedar").exists()
    assert (newest_revision(), AuditEntry.objects.count()) == before


@pytest.mark.parametrize("second", ["approve", "reject", "block"])
def test_what_is_decided_is_not_decided_again(people, staff, application, second):
    approved(staff, application)
    says = {"slug": "cedar-2", "name": "Cedar", "contact_email": "a@b.example"}
    says |= {"payment_terms": "prepaid", "currency": "USD", "note": "no"}
    answer = decided(staff, application, second, **says)
    assert answer.status_code == 302
    assert Application.objects.get().status == "approved"
    assert Customer.objects.filter(slug__startswith="cedar").count() == 1
    assert len(mail.outbox) == 1


def test_a_mail_that_did_not_leave_leaves_no_link_and_is_tried_again(
    people, staff, application, clock, monkeypatch
):
    def refused(*_, **__):
        raise ConnectionRefusedError

    with monkeypatch.context() as down:
        down.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refused)
        approved(staff, application)
    application.refresh_from_db()
    assert (application.status, application.told_at) == ("approved", None)
    assert not ClaimLink.objects.exists()
    assert telling.tell_due(at=now()) == 0  # somebody may be at it
    clock.move(timedelta(minutes=11))
    assert telling.tell_due(at=now()) == 1
    assert telling.tell_due(at=now()) == 0
    assert ClaimLink.objects.count() == len(mail.outbox) == 1


def test_staff_may_tell_again_at_once_where_nobody_was_told(people, staff, application, clock):
    says = {"slug": "cedar", "name": "Cedar", "contact_email": "c@x.example", "tier": None}
    more = {"currency": "USD", "credit_limit": None, "payment_terms": "prepaid", "template": None}
    applications.approve(application.pk, applications.Admission(**says, **more), actor="bea")
    page = f"/admin/customers/application/{application.pk}/change/"
    assert "Tell the applicant now" in staff.get(page).content.decode()
    staff.post(page, {"decision": "tell"})
    staff.post(page, {"decision": "tell"})
    assert len(mail.outbox) == 1
    assert "Tell the applicant now" not in staff.get(page).content.decode()


def test_who_may_look_does_not_decide(people, application):
    operator = of_group("Operator")
    page = operator.get(f"/admin/customers/application/{application.pk}/change/")
    assert page.status_code == 200
    assert b"Approve" not in page.content
    for decision in ("approve", "reject", "block", "tell"):
        assert decided(operator, application, decision, note="no").status_code == 403
    assert Application.objects.get().status == "pending"


def test_no_application_has_this_id(people, staff):
    assert staff.get("/admin/customers/application/999/change/").status_code == 404
    assert staff.get("/admin/customers/application/x/change/").status_code == 404


def test_templates_are_made_and_changed_on_one_page_and_audited(people):
    ann = signed_in(User.objects.create_superuser("ann"))
    lines = {
        "lines-TOTAL_FORMS": "1",
        "lines-INITIAL_FORMS": "0",
        "lines-0-effect": "allow",
        "lines-0-category": people.mugs.pk,
    }
    page = "/admin/customers/visibilitytemplate/"
    assert ann.post(f"{page}add/", {"name": "Mugs", **lines}).status_code == 302
    entry = AuditEntry.objects.get(actor="ann")
    assert (entry.action, entry.subject) == ("visibilitytemplate.added", "Mugs")
    both = lines | {"lines-0-brand": people.inkwell.pk}
    answer = ann.post(f"{page}add/", {"name": "Two", **both})
    assert "Name a source, a brand or a category, or nothing for all." in answer.content.decode()
    assert not VisibilityTemplate.objects.filter(name="Two").exists()
    assert "allow Mugs" in ann.get(page).content.decode()
    assert not ApiKey.objects.exists()
