"""Staff register endpoints, rotate, ping, disable and enable them, and tell dead letters once more."""

import re

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from groundwork.models import AuditEntry
from outbound_hooks import deliveries, endpoints
from outbound_hooks.delivering import deliver_once, dispatch_all
from outbound_hooks.models import Delivery, Endpoint
from tests.factories import fixed_price, terms_changed, variant
from tests.outbound_hooks.conftest import registered

PAGE = "/admin/outbound_hooks/endpoint/"
DELIVERIES = "/admin/outbound_hooks/delivery/"


@pytest.fixture
def staff(people) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


def acted(staff: Client, page: str, name: str, *pks: int, **more: str) -> str:
    said = {"action": name, "_selected_action": pks, **more}
    return staff.post(page, said, follow=True).content.decode()


def registered_by(staff: Client, people, url: str, **says) -> str:
    fields = {"customer": people.alice.pk, "url": url, "facets": ["price"], "description": "Shop"}
    return staff.post(f"{PAGE}add/", fields | says, follow=True).content.decode()


def test_staff_register_an_endpoint_and_see_its_secret_once(people, staff, receiver):
    page = registered_by(staff, people, receiver.url)
    endpoint = Endpoint.objects.get()
    assert (endpoint.url, endpoint.facets, endpoint.customer) == (
        receiver.url,
        ["price"],
        people.alice,
    )
    assert re.search(rf"{endpoint.public_id}, Alice.*whsec_\S+", page, re.DOTALL)
    assert "whsec_" not in staff.get(f"{PAGE}{endpoint.pk}/change/").content.decode()
    dispatch_all()
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    dispatch_all()
    assert deliver_once() == 1
    assert AuditEntry.objects.get(action="endpoint.registered").actor == "ann"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://10.0.0.1/", "not a public address"),
        ("https://a:b@partner.example/", "no user name"),
        ("gopher://x/", "begins with https"),
        ("", "This field is required"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused_at_its_field(people, staff, url, reason):
    assert reason in registered_by(staff, people, url)
    assert not Endpoint.objects.exists()


def test_what_was_changed_is_written_and_nothing_else(people, staff, endpoint, receiver):
    fields = {"url": receiver.url, "facets": ["stock"], "description": ""}
    staff.post(f"{PAGE}{endpoint.pk}/change/", fields)
    endpoint.refresh_from_db()
    assert endpoint.facets == ["stock"]
    entry = AuditEntry.objects.get(action="endpoint.changed")
    assert (entry.actor, entry.after) == ("ann", {"facets": ["stock"]})


def test_rotating_pinging_disabling_and_enabling(people, staff, endpoint, receiver):
    assert "whsec_" in acted(staff, PAGE, "rotate", endpoint.pk)
    assert "200 ok" in acted(staff, PAGE, "ping", endpoint.pk)
    receiver.answer = lambda _: (500, {}, b"broken")
    assert "It answered 500. broken" in acted(staff, PAGE, "ping", endpoint.pk)
    asked = acted(staff, PAGE, "disable", endpoint.pk)
    assert "Disable 1 endpoint: nothing is sent there" in asked
    assert f"{endpoint.url}, of Alice" in asked
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.is_barred) == (True, False)
    acted(staff, PAGE, "disable", endpoint.pk, apply="yes")
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.is_barred) == (False, True)
    assert "Staff disabled all of these already." in acted(staff, PAGE, "disable", endpoint.pk)
    acted(staff, PAGE, "enable", endpoint.pk)
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.is_barred) == (True, False)


def test_staff_bar_what_was_disabled_already(people, staff, endpoint):
    endpoints.disable(endpoint, actor="partner", reason="You disabled it.")
    acted(staff, PAGE, "disable", endpoint.pk, apply="yes")
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.is_barred) == (False, True)
    assert endpoint.disabled_reason == "Your supplier disabled it."
    assert AuditEntry.objects.latest("pk").actor == "ann"


def test_a_secret_is_shown_once_and_is_in_no_cookie(people, staff, receiver):
    fields = {"customer": people.alice.pk, "url": receiver.url, "facets": ["price"]}
    added = staff.post(f"{PAGE}add/", fields)
    shown = [staff.get(added["Location"])]
    endpoint = Endpoint.objects.get()
    rotated = staff.post(PAGE, {"action": "rotate", "_selected_action": [endpoint.pk]})
    session = Session.objects.get(session_key=staff.session.session_key)
    assert "whsec_" not in str(session.get_decoded())
    shown.append(staff.get(rotated["Location"]))
    for answer in (added, rotated):  # sent again, a page that is led on to makes nothing
        assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}secrets/")
        assert "messages" not in answer.cookies
    for page in shown:
        assert "whsec_" in page.content.decode()
        assert page["Cache-Control"].startswith("no-store")
    again = staff.get(f"{PAGE}secrets/", follow=True).content.decode()
    assert ("whsec_" in again, "Secrets are shown once." in again) == (False, True)
    assert Endpoint.objects.get().previous_secret is not None


def test_more_pings_than_one_waits_for_are_sent_to_nobody(people, staff, receiver):
    made = [registered(people.alice, f"{receiver.url}?{n}")[0].pk for n in range(4)]
    assert "Choose at most 3 endpoints." in acted(staff, PAGE, "ping", *made)
    assert receiver.received == []
    assert acted(staff, PAGE, "ping", *made[:3]).count("200 ok") == 3


def test_dead_letters_are_told_once_more(people, staff, endpoint, receiver):
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    dispatch_all()
    endpoints.disable(endpoint, actor="ann", reason="Maintenance.")
    endpoints.enable(endpoint, actor="ann")
    assert "1 told once more, in 1 messages." in acted(staff, PAGE, "replay_dead", endpoint.pk)
    assert deliver_once() == 1
    dead = Delivery.objects.get(status="dead")
    assert "1 told once more" in acted(staff, DELIVERIES, "replay", dead.pk)
    assert deliver_once() == 1
    terms_changed(people.alice, status="suspended")
    assert "has no contract now" in acted(staff, DELIVERIES, "replay", dead.pk)


def test_lists_show_what_was_sent(people, staff, endpoint, receiver):
    deliveries.put(
        endpoint.pk,
        endpoint.customer_id,
        [deliveries.Message("ping", "{}")],
        revision=1,
        correlation="cause-0001",
    )
    deliver_once()
    (delivery,) = Delivery.objects.all()
    assert delivery.message_id in staff.get(DELIVERIES).content.decode()
    assert staff.get(f"{DELIVERIES}{delivery.pk}/change/").status_code == 200
    assert "127.0.0.1" in staff.get("/admin/outbound_hooks/attempt/").content.decode()
