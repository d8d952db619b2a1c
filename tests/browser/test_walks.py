"""Five walks of staff, as a person takes them, on pages without a serious fault of accessibility."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from apikeys.models import ApiKey
from catalog_mirror.models import Product, QuarantinedRecord
from customers.models import VisibilityTemplate
from outbound_hooks.delivering import deliver_once, dispatch_all
from outbound_hooks.models import Delivery, Endpoint
from portal import tasks
from tests.factories import client_with, fixed_price, key_of, now, variant
from tests.outbound_hooks.conftest import receiver, registered  # noqa: F401 - a fixture
from tests.sync.conftest import connected, run, shop  # noqa: F401 - fixtures


def test_from_an_application_to_the_partner_s_first_call(people, person):
    VisibilityTemplate.objects.create(name="Mugs")
    person.goes_to("/apply")
    person.finds_no_fault()
    person.fills(business_name="Cedar Gifts", tax_id="DE 1", contact_name="Cleo Cedar")
    person.fills(contact_email="cleo", monthly_volume="1200", notes="Mugs.")
    person.chooses(business_type="Agency")
    person.presses("Apply")
    person.sees("Enter a valid email address.")
    person.finds_no_fault()
    person.fills(contact_email="cleo@cedar.example")
    person.presses("Apply")
    person.sees("Thank you, we have your application")

    person.goes_to("/admin/")
    person.sees("1 Applications waiting for a decision")
    person.finds_no_fault()
    person.follows("Applications waiting for a decision")
    person.follows("Cedar Gifts")
    person.finds_no_fault()
    person.chooses(**{"approve-tier": "Gold"})
    person.fills(**{"approve-credit_limit": "5000"})
    person.presses("Approve")
    person.sees("Cedar Gifts is approved.")

    link = re.search(r"http\S+/claim/\S+", mail.outbox[0].body)[0]
    person.goes_to(link)
    person.finds_no_fault()
    person.presses("Make and show the key")
    key = re.search(r"tc_live_\w+", person.says())[0]
    assert len(client_with(key).get("/v1/products").json()["data"]) == 4
    tasks.note_first_calls()
    person.goes_to("/admin/customers/application/")
    person.follows("Cedar Gifts")
    person.sees("after the approval")


def test_from_a_price_question_to_its_answer(people, person):
    person.goes_to("/admin/customers/customer/")
    person.follows("Bob")
    person.finds_no_fault()
    person.follows("View as")
    person.fills(q="mug")
    person.presses("Search")
    person.sees("9.99 USD customer, product, fixed, 0.10 % off")
    person.finds_no_fault()
    person.follows("MUG-11-BLK")
    person.sees("9.99 USD a piece at a quantity of 1")
    person.sees("decides")
    person.finds_no_fault()
    person.fills(sku="PEN-01")
    person.presses("Why?")
    person.sees("PEN-01 is hidden from it")
    person.sees("No rule allows it.")
    person.follows("Compare")
    person.finds_no_fault()


def test_from_a_leaked_key_to_another(people, person):
    leaked = key_of(people.bob, label="shop")
    person.goes_to("/admin/customers/customer/")
    person.follows("Bob")
    person.follows("Keys and usage")
    person.finds_no_fault()
    person.follows(leaked[:20])
    person.follows("Revoke")
    person.fills(reason="leaked", confirm="no")
    person.presses("Revoke")
    person.sees("Type the word revoke. Nothing was done.")
    person.finds_no_fault()
    assert client_with(leaked).get("/v1/products").status_code == 200
    person.fills(reason="leaked", confirm="revoke")
    person.presses("Revoke")
    person.sees("1 revoked.")
    assert client_with(leaked).get("/v1/products").status_code == 401
    person.goes_to(f"/admin/customers/customer/{people.bob.pk}/access/")
    person.follows("Issue a key")
    person.presses("Save")
    key = re.search(r"tc_live_\w+", person.says())[0]
    assert client_with(key).get("/v1/products").status_code == 200
    assert ApiKey.objects.filter(customer=people.bob, revoked_at=None).count() == 1


def test_from_a_source_that_is_down_to_one_that_recovered(shop, person):  # noqa: F811
    shop.faults.set("down")
    assert run("reconcile").code == 1
    person.goes_to("/admin/")
    person.sees("1 Stale sources: their shops cannot be read")
    person.sees("source_stale")
    person.finds_no_fault()
    person.follows("Stale sources: their shops cannot be read")
    shop.faults.clear()
    assert run("reconcile").code == 0
    person.goes_to("/admin/")
    assert "Stale sources" not in person.says()
    person.sees("reads")
    person.goes_to("/admin/sync/sweeprun/")
    person.sees("Complete")


def test_a_dead_letter_is_told_once_more(people, person, receiver, settings, clock):  # noqa: F811
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    registered(people.alice, receiver.url)
    dispatch_all()
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    dispatch_all()
    receiver.answer = lambda _: (500, {}, b"")
    while Delivery.objects.get().status == "pending":
        deliver_once()
        clock.move(timedelta(days=1))
    assert Delivery.objects.get().status == "dead"
    receiver.answer = lambda _: (200, {}, b"")
    tasks.sum_up_figures()
    person.goes_to("/admin/")
    person.follows("Disabled endpoints of partners")
    person.acts("Enable: send again from where it stood")
    person.sees("is enabled.")
    person.goes_to("/admin/")
    person.follows("Dead letters of the last 7 days")
    person.acts("Replay: tell it as it is now")
    person.sees("told once more")
    deliver_once()
    assert Delivery.objects.latest("pk").status == "delivered"


def test_the_lists_and_forms_have_no_serious_fault_and_work_by_keyboard(people, person):
    for path in (
        "/admin/customers/customer/",
        "/admin/customers/application/",
        "/admin/pricing/pricerule/",
        "/admin/catalog_mirror/product/",
        "/admin/catalog_mirror/variant/timeline/?of=PEN-01",
        "/admin/second-factor/",
    ):
        person.goes_to(path)
        person.finds_no_fault()
    person.goes_to(f"/admin/customers/customer/{people.bob.pk}/why/")
    person.page.focus("[name='sku']")
    person.page.keyboard.type("MUG-11-BLK")
    person.page.keyboard.press("Enter")
    person.page.wait_for_url("**sku=MUG-11-BLK**")
    person.sees("It sees MUG-11-BLK")


def test_pages_of_every_room_have_no_serious_fault(people, person, receiver, settings):  # noqa: F811
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    VisibilityTemplate.objects.create(name="Mugs")
    registered(people.alice, receiver.url)
    QuarantinedRecord.objects.create(
        source=people.source,
        external_id="1",
        product_external_id="1",
        sku="",
        reason="no_sku",
        detail="It has none.",
        first_seen_at=now(),
        last_seen_at=now(),
    )
    product = Product.objects.get(code="MUG-11")
    customer = f"/admin/customers/customer/{people.bob.pk}"
    for path in (
        "/admin/customers/visibilitytemplate/",
        "/admin/customers/visibilitytemplate/add/",
        "/admin/customers/visibilityrule/add/",
        "/admin/customers/customerterms/add/",
        "/admin/pricing/pricerule/add/",
        "/admin/pricing/orderminimum/add/",
        "/admin/apikeys/apikey/add/",
        "/admin/catalog_mirror/quarantinedrecord/",
        "/admin/outbound_hooks/endpoint/",
        f"/admin/outbound_hooks/endpoint/{Endpoint.objects.get().pk}/change/",
        "/admin/outbound_hooks/endpoint/add/",
        "/admin/outbound_hooks/delivery/",
        "/admin/customers/customerterms/",
        f"/admin/catalog_mirror/product/{product.pk}/change/",
        f"{customer}/access/",
        f"{customer}/history/",
        f"{customer}/compare/",
    ):
        person.goes_to(path)
        person.finds_no_fault()


def test_the_menu_and_the_filters_are_opened_and_left_by_keyboard(people, person):
    keyboard = person.page.keyboard
    person.goes_to("/admin/pricing/pricerule/")
    person.page.get_by_role("button", name="ann").focus()
    keyboard.press("Enter")
    dark = person.page.get_by_role("button", name="Dark")
    dark.focus()
    keyboard.press("Enter")
    assert person.page.evaluate("document.documentElement.classList.contains('dark')")
    keyboard.press("Escape")
    dark.wait_for(state="hidden")
    assert _focused(person).startswith("ann")
    person.page.get_by_role("button", name="Filters").focus()
    keyboard.press("Enter")
    person.page.wait_for_function("document.activeElement.closest('#changelist-filter')")
    keyboard.press("Tab")
    keyboard.press("Enter")
    person.page.wait_for_url("**?*exact=*")
    person.finds_no_fault()


def test_a_secret_of_an_endpoint_is_shown_once_on_its_page(people, person, receiver, settings):  # noqa: F811
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    registered(people.alice, receiver.url)
    person.goes_to("/admin/outbound_hooks/endpoint/")
    person.acts("Rotate: a new secret, both sign for 24 hours")
    person.sees("whsec_")
    person.finds_no_fault()
    person.follows("To the endpoints")
    assert "whsec_" not in person.says()


def _focused(person) -> str:
    return person.page.evaluate("document.activeElement.innerText.trim()")


@pytest.mark.parametrize("path", ["/apply", "/admin/login/"])
def test_strangers_pages_have_no_serious_fault(people, person, path):
    person.page.context.clear_cookies()
    person.goes_to(path)
    person.finds_no_fault()
    assert Client().get(path).status_code == 200
