"""One customer's pages: all that is known, the view as it gets it, why it is so, another's beside it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apikeys import keys
from apikeys.models import ApiKey, UsageHour
from customers import versions
from customers.models import CustomerTerms
from groundwork.models import AuditEntry
from outbound_hooks import endpoints
from tests.factories import (
    a_product,
    a_variant,
    client_of,
    deny,
    fixed_price,
    mirrored,
    newest_revision,
    now,
    percent_off,
    variant,
)
from tests.portal.conftest import of_group


def page(staff: Client, customer, name: str = "page", **asked: object):
    return staff.get(f"/admin/customers/customer/{customer.pk}/{name}/", asked)


def text(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def rows(answer, title: str = "") -> list[list[object]]:
    tables = answer.context.get("tables") or [answer.context["table"]]
    [table] = [each for each in tables if each.title.startswith(title)]
    return [[cell.value for cell in row] for row in table.rows]


@pytest.fixture
def known(people, monkeypatch):
    """Bob, with one of everything."""
    keys.issue(actor="ann", customer=people.bob, label="shop")
    monkeypatch.setattr(endpoints, "checked_url", lambda url: url)
    endpoints.add(people.bob.pk, url="https://bob.example/hook", actor="ann", description="")
    return people.bob


def test_all_of_a_customer_is_on_its_pages_with_links(known, staff):
    agreed, access = page(staff, known), page(staff, known, "access")
    assert rows(agreed, "Own visibility rules")[0][:2] == ["allow", "brand northcup"]
    assert rows(agreed, "Own prices")[0][:2] == ["9.99 USD", "product MUG-11"]
    assert f"/admin/pricing/pricerule/add/?customer={known.pk}" in text(agreed)
    assert rows(access, "Keys")[0][1] == "shop"
    assert rows(access, "Webhooks")[0][0] == "https://bob.example/hook"
    assert f"/admin/apikeys/apikey/add/?customer={known.pk}" in text(access)
    actions = [row[2] for row in rows(page(staff, known, "history"), "History")]
    assert {"apikey.issued", "customerterms.opened", "pricerule.opened"} <= set(actions)


def test_every_page_of_a_customer_leads_to_the_others(known, staff):
    names = ("page", "access", "history", "view", "why", "compare")
    for name in names:
        said = text(page(staff, known, name))
        for other in names:
            here = ' aria-current="page"' if other == name else ""
            assert f'/admin/customers/customer/{known.pk}/{other}/"{here}>' in said


def test_usage_is_told_by_day_and_by_key(known, staff):
    key = ApiKey.objects.get(customer=known)
    at = now().replace(minute=0, second=0, microsecond=0)
    for hours, status, requests in ((0, 200, 5), (1, 429, 2), (24 * 40, 200, 99)):
        UsageHour.objects.create(
            hour=at - timedelta(hours=hours),
            key_public_id=key.public_id,
            customer_id=known.pk,
            route="/v1/products",
            status=status,
            requests=requests,
            milliseconds=1,
            bytes_sent=1,
        )
    answer = page(staff, known, "access")
    assert rows(answer, "Keys")[0][5] == "7"
    usage = answer.context["usage"]
    assert (usage["total"], usage["errors"]) == (7, 2)


def test_a_customer_with_nothing_is_told_what_to_do_next(people, staff):
    assert "None of its own: it pays what its tier and everyone pay." in text(
        page(staff, people.carol)
    )
    said = text(page(staff, people.carol, "access"))
    assert "No key yet. Issue one, or make a link by which the partner gets it." in said


def test_a_page_of_a_customer_with_much_costs_as_many_queries_as_with_little(known, staff):
    few = [_asked(staff, known, name) for name in ("page", "access", "history")]
    for n in range(5):
        keys.issue(actor="ann", customer=known)
        fixed_price(str(n + 1), customer=known, variant=variant("MUG-11-BLK"), priority=n)
    many = [_asked(staff, known, name) for name in ("page", "access", "history")]
    assert few == many
    assert max(many) <= 12


def _asked(staff: Client, customer, name: str) -> int:
    page(staff, customer, name)  # what is read once a process is read
    with CaptureQueriesContext(connection) as queries:
        page(staff, customer, name)
    return len(queries)


# -- the view as it gets it ----------------------------------------------------------------------


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_staff_see_what_the_customer_gets(people, staff, who):
    customer = getattr(people, who)
    data = client_of(customer).get("/v1/products").json()["data"]
    found = {row[0]: (row[1], row[4], row[5]) for row in rows(page(staff, customer, "view"))}
    assert found == {
        item["sku"]: (item["name"], item["price"]["list"], f"{item['price']['unit']} USD")
        for item in data
    }


def test_a_price_is_shown_with_what_it_rests_on(people, staff):
    rested = {row[0]: row[6] for row in rows(page(staff, people.bob, "view"))}
    assert rested["MUG-11-BLK"] == "customer, product, fixed, 0.10 % off"
    rested = {row[0]: row[6] for row in rows(page(staff, people.alice, "view"))}
    assert rested["PEN-01"] == "tier, all, percent, 30.00 % off"


def test_a_view_is_searched_by_sku_and_by_name_and_shows_nothing_hidden(people, staff):
    assert [row[0] for row in rows(page(staff, people.alice, "view", q="pen"))] == ["PEN-01"]
    assert [row[0] for row in rows(page(staff, people.alice, "view", q="Product p1"))] == [
        "MUG-11-BLK",
        "MUG-11-WHT",
    ]
    hidden = page(staff, people.bob, "view", q="PEN")
    assert rows(hidden) == []
    assert "Nothing of it is shown to this customer. Ask why for a SKU." in text(hidden)
    assert "No SKU and no product is called so." in text(page(staff, people.bob, "view", q="zzz"))


def test_what_is_not_published_is_found_for_nobody(people, staff):
    assert rows(page(staff, people.alice, "view", q="MUG-99")) == []


def test_a_customer_without_a_contract_in_force_is_shown_nothing_and_why(people, staff):
    assert "No contract of its own is in force now" in text(page(staff, people.dave, "view"))


def test_a_long_view_goes_on_page_by_page_without_a_gap(people, staff):
    many = [a_product(f"q{n}", a_variant(f"9{n}", sku=f"Q-{n:03}")) for n in range(60)]
    mirrored(people.source, *many)
    seen, onward = [], ""
    while True:
        answer = staff.get(f"/admin/customers/customer/{people.alice.pk}/view/{onward}")
        seen += [row[0] for row in rows(answer)]
        onward = answer.context["onward"]
        if not onward:
            break
    assert len(seen) == len(set(seen)) == 64


def test_a_cursor_of_another_customer_opens_nothing(people, staff):
    many = [a_product(f"q{n}", a_variant(f"9{n}", sku=f"Q-{n:03}")) for n in range(60)]
    mirrored(people.source, *many)
    onward = page(staff, people.alice, "view").context["onward"]
    answer = staff.get(f"/admin/customers/customer/{people.bob.pk}/view/{onward}")
    assert "This is not a cursor of this list." in text(answer)


def test_looking_through_a_customer_s_eyes_writes_nothing(people, staff):
    before = (newest_revision(), AuditEntry.objects.count())
    for name in ("page", "access", "history", "view", "why", "compare"):
        text(page(staff, people.alice, name))
    assert (newest_revision(), AuditEntry.objects.count()) == before
    # And the next statement is the application's again, not the customer's.
    assert CustomerTerms.objects.count() == 4


# -- why ------------------------------------------------------------------------------------------


def test_why_this_price_names_the_rule_that_decides(people, staff):
    answer = page(staff, people.bob, "why", sku="MUG-11-BLK", quantity="1")
    said = text(answer)
    assert "It sees MUG-11-BLK" in said
    assert "9.99 USD a piece" in said
    [decides] = [row for row in rows(answer, "Price rules") if row[6] == "decides"]
    assert decides[2:4] == ["customer", "product MUG-11"]


def test_what_is_seen_and_what_it_costs_are_told_of_one_moment(people, staff):
    said = page(staff, people.bob, "why", sku="MUG-11-BLK", quantity=1).context
    assert (said["seen"].at, said["seen"].revision) == (said["price"].at, said["price"].revision)


def test_why_hidden_says_so(people, staff):
    said = text(page(staff, people.bob, "why", sku="PEN-01", quantity="1"))
    assert "PEN-01 is hidden from it" in said
    assert "No rule allows it." in said


def test_why_then_is_answered_as_of_then(people, staff, clock):
    clock.move(timedelta(days=-2))
    begins = now()
    clock.move(timedelta(days=2))
    rule = percent_off("50", customer=people.bob, product=people.mug, priority=9)
    versions.withdraw(type(rule), rule.rule_uid, actor="ann")
    assert begins < now()
    future = f"{now() + timedelta(days=3):%Y-%m-%d %H:%M}"
    answer = page(staff, people.bob, "why", sku="PEN-01", at=future)
    assert answer.context["form"].errors["at"] == [
        "This is to come. Give a time that has passed, or none."
    ]
    long_ago = text(page(staff, people.bob, "why", sku="PEN-01", at="2020-01-01"))
    assert "PEN-01" in long_ago
    assert 'role="alert"' in long_ago or "No variant" in long_ago or "no terms" in long_ago


@pytest.mark.parametrize(
    ("asked", "field", "told"),
    [
        ({"sku": ""}, "sku", "This field is required."),
        (
            {"sku": "X", "quantity": "0"},
            "quantity",
            "Ensure this value is greater than or equal to 1.",
        ),
        ({"sku": "X", "quantity": "many"}, "quantity", "Enter a whole number."),
        ({"sku": "X", "at": "yesterday"}, "at", "Enter a valid date/time."),
        ({"sku": "a\0b"}, "sku", "This holds what cannot be typed. Type it anew."),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused_at_its_field(people, staff, asked, field, told):
    answer = page(staff, people.bob, "why", **asked)
    assert answer.context["form"].errors[field] == [told]
    assert told in text(answer)


def test_a_sku_that_nobody_carries_is_said_to_be_none(people, staff):
    assert "No variant carried this SKU then." in text(page(staff, people.bob, "why", sku="NONE"))


# -- another's beside it ---------------------------------------------------------------------------


def test_two_customers_stand_side_by_side(people, staff):
    answer = page(staff, people.alice, "compare", other=people.bob.pk)
    assert rows(answer) == [
        ["MUG-11-BLK", "Camp mug, black", "7.00 USD", "9.99 USD", "differs"],
        ["MUG-11-WHT", "Camp mug, white", "7.00 USD", "9.99 USD", "differs"],
        ["PEN-01", "Thing 3", "1.75 USD", "hidden", "differs"],
        ["CAP-01", "Thing 4", "7.00 USD", "hidden", "differs"],
    ]
    deny(customer=people.alice, brand=people.inkwell)
    one = page(staff, people.alice, "compare", other=people.carol.pk, q="pen")
    assert "Neither sees anything of these." in text(one)


def test_a_customer_is_not_compared_with_itself_or_with_nobody(people, staff):
    for other in (people.alice.pk, 999, "x"):
        answer = page(staff, people.alice, "compare", other=other)
        assert "Select a valid choice." in answer.context["form"].errors["other"][0]


# -- many at once -----------------------------------------------------------------------------------


def test_many_customers_change_their_tier_in_one_revision_after_a_confirmation(people, staff):
    posted = {"action": "change_tier", "_selected_action": [people.bob.pk, people.carol.pk]}
    before = newest_revision()
    asked = staff.post("/admin/customers/customer/", posted)
    assert "Change the tier of 2 customers" in text(asked)
    assert newest_revision() == before
    done = posted | {"apply": "yes", "tier": people.gold.pk}
    assert staff.post("/admin/customers/customer/", done).status_code == 302
    assert newest_revision() == before + 1
    standing = CustomerTerms.objects.filter(until_revision=None, tier=people.gold)
    assert set(standing.values_list("customer__slug", flat=True)) == {"alice", "bob", "carol"}
    changed = AuditEntry.objects.filter(actor="ann", action="customerterms.changed")
    assert changed.count() == 2


def test_whoever_is_suspended_with_others_is_answered_403_at_once(people, staff):
    client = client_of(people.alice)
    posted = {"action": "change_status", "_selected_action": [people.alice.pk, people.bob.pk]}
    staff.post("/admin/customers/customer/", posted | {"apply": "yes", "status": "suspended"})
    assert client.get("/v1/products").status_code == 403


def test_a_wrong_choice_changes_nobody(people, staff):
    before = newest_revision()
    posted = {"action": "change_status", "_selected_action": [people.alice.pk], "apply": "yes"}
    answer = staff.post("/admin/customers/customer/", posted | {"status": "gone"})
    assert "Select a valid choice." in text(answer)
    assert newest_revision() == before


def test_where_one_is_refused_none_is_changed(people, staff, monkeypatch):
    before, refuse = newest_revision(), versions.refuse_reserved

    def refused(version):
        if version.customer_id == people.bob.pk:
            raise versions.NoOpenVersion("Bob is gone.")
        refuse(version)

    monkeypatch.setattr(versions, "refuse_reserved", refused)
    posted = {"action": "change_status", "_selected_action": [people.alice.pk, people.bob.pk]}
    says = posted | {"apply": "yes", "status": "ended"}
    answer = staff.post("/admin/customers/customer/", says, follow=True)
    assert "Nothing was changed. Bob is gone." in text(answer)
    assert newest_revision() == before
    assert not CustomerTerms.objects.filter(status="ended").exists()


def test_who_may_not_see_prices_may_not_look_through_a_customer_s_eyes(people):
    client = of_group("Catalogue viewer")
    assert page(client, people.alice, "view").status_code == 403


def test_who_may_only_look_is_offered_nothing_to_add(people):
    for group, offered in ((of_group("Operator"), False), (of_group("Administrator"), True)):
        shown = page(group, people.carol, "page").content.decode()
        assert ("/visibilityrule/add/" in shown, "All of them" in shown) == (offered, True)
