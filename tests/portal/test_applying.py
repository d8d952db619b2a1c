"""A business applies on an open form: people get through, machines and crowds do not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import signing
from django.db import connection
from django.test import Client

from customers import applications
from customers.models import Application
from groundwork.models import AuditEntry
from portal import applying
from tests.factories import cast

FACTS = {
    "business_name": "Cedar Gifts",
    "business_type": "agency",
    "tax_id": "de 811 907 980",
    "contact_name": "Cleo Cedar",
    "contact_email": "cleo@cedar.example",
    "monthly_volume": "1200",
    "notes": "Mugs, mostly.",
}


def opened(seconds_ago: int = 60) -> str:
    signer = signing.TimestampSigner(salt=applying._SALT)
    at = signing.time.time() - seconds_ago
    signer.timestamp = lambda: signing.b62_encode(int(at))
    return signer.sign("apply")


def applied(client: Client | None = None, seconds_ago: int = 60, **says: str):
    facts = FACTS | {"opened": opened(seconds_ago), "website": ""} | says
    return (client or Client()).post("/apply", facts)


@pytest.fixture
def people(database):
    return cast()


def test_the_form_is_open_to_everyone_and_loads_nothing_from_elsewhere(database):
    answer = Client().get("/apply")
    assert answer.status_code == 200
    assert answer["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert answer["X-Frame-Options"] == "DENY"
    assert b"http" not in answer.content.replace(b"https://docs", b"")


def test_an_application_waits_with_all_that_was_said(database):
    answer = applied()
    assert (answer.status_code, answer["Location"]) == (302, "/apply/thanks")
    row = Application.objects.get()
    assert (row.business_name, row.business_type, row.tax_id) == (
        "Cedar Gifts",
        "agency",
        "DE811907980",
    )
    assert (row.monthly_volume, row.notes, row.status) == (1200, "Mugs, mostly.", "pending")
    assert row.address == "127.0.0.1"
    assert Client().get("/apply/thanks").status_code == 200


@pytest.mark.parametrize(
    ("field", "says", "told"),
    [
        ("business_name", "", "This field is required."),
        (
            "business_type",
            "bank",
            "Select a valid choice. bank is not one of the available choices.",
        ),
        ("contact_email", "cleo", "Enter a valid email address."),
        ("monthly_volume", "-3", "Ensure this value is greater than or equal to 0."),
        ("monthly_volume", "many", "Enter a whole number."),
        ("monthly_volume", "99999999999", "Ensure this value is less than or equal to 2147483647."),
        ("notes", "x" * 2001, "Ensure this value has at most 2000 characters (it has 2001)."),
        ("notes", "a\0b", "Null characters are not allowed."),
    ],
)
def test_a_wrong_field_is_told_at_the_field_and_nothing_is_kept(database, field, says, told):
    answer = applied(**{field: says})
    assert answer.status_code == 400
    assert answer.context["form"].errors[field] == [told]
    assert told.split("(")[0].strip() in answer.content.decode().replace("&#x27;", "'")
    assert not Application.objects.exists()


def test_who_fills_in_what_nobody_sees_is_thanked_and_not_kept(database):
    assert applied(website="https://spam.example").status_code == 302
    assert not Application.objects.exists()


@pytest.mark.parametrize("seconds", [0, 1, 2 * 24 * 3600])
def test_a_page_open_too_short_or_too_long_is_sent_once_more(database, seconds):
    answer = applied(seconds_ago=seconds)
    assert answer.status_code == 400
    assert answer.context["form"].non_field_errors() == [applying._AGAIN]
    assert not Application.objects.exists()


def test_a_made_up_time_is_none(database):
    assert applied(opened="apply:1:never").status_code == 400
    assert applied(opened="").status_code == 400
    assert not Application.objects.exists()


def test_after_a_stale_page_the_same_form_can_be_sent_again(database, monkeypatch):
    answer = applied(seconds_ago=2 * 24 * 3600)
    monkeypatch.setattr(applying, "LEAST_SECONDS", -1)
    page = answer.content.decode()
    again = page.partition('name="opened" value="')[2].partition('"')[0]
    assert applied(opened=again).status_code == 302
    assert Application.objects.count() == 1


def test_who_waits_already_waits_once(database):
    assert applied().status_code == 302
    assert applied(contact_email="CLEO@cedar.example", business_name="Other").status_code == 302
    assert Application.objects.get().business_name == "Cedar Gifts"


def test_six_of_one_address_within_an_hour_are_one_too_many(database, clock):
    for n in range(5):
        assert applied(contact_email=f"c{n}@cedar.example").status_code == 302
    answer = applied(contact_email="c5@cedar.example")
    assert answer.status_code == 429
    assert "Send yours again in an hour." in answer.content.decode()
    assert Application.objects.count() == 5
    clock.move(timedelta(hours=1, seconds=1))
    assert applied(contact_email="c5@cedar.example").status_code == 302


def test_of_ten_at_once_no_more_pass_than_may(database):
    def apply_as(n: int) -> int:
        try:
            return applied(contact_email=f"c{n}@cedar.example").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as threads:
        answers = sorted(threads.map(apply_as, range(10)))
    assert answers == [302] * 5 + [429] * 5
    assert Application.objects.count() == 5


def test_all_together_are_limited_too(database, monkeypatch):
    monkeypatch.setattr(applications, "MOST_OF_ALL", 2)
    says = {key: value for key, value in FACTS.items() if key != "contact_email"}
    for n in range(2):
        applications.apply(address=f"203.0.113.{n}", contact_email=f"c{n}@x.example", **says)
    with pytest.raises(applications.NotTaken):
        applications.apply(address="203.0.113.9", contact_email="c9@x.example", **says)


@pytest.mark.parametrize("says", [{}, {"contact_email": "other@x.example"}, {"tax_id": "NEW1"}])
def test_who_was_blocked_does_not_come_back_by_address_or_tax_id(database, says):
    applied()
    applications.block(Application.objects.get().pk, actor="ann", note="spam")
    answer = applied(**says)
    assert answer.status_code == 429
    assert "We cannot take this application." in answer.content.decode()
    assert Application.objects.count() == 1


def test_addresses_are_pseudonyms_where_they_are_hashed(database, settings):
    settings.HASH_ADDRESSES = True
    applied()
    assert Application.objects.get().address.startswith("fd")
    assert not AuditEntry.objects.exists()


def test_a_subscriber_with_many_addresses_is_one(database):
    for n in range(6):
        client = Client(REMOTE_ADDR=f"2001:db8::{n + 1}")
        answer = applied(client, contact_email=f"c{n}@cedar.example")
    assert answer.status_code == 429
    assert set(Application.objects.values_list("address", flat=True)) == {"2001:db8::"}
    neighbor = Client(REMOTE_ADDR="2001:db8:0:1::1")
    assert applied(neighbor, contact_email="c9@cedar.example").status_code == 302
