"""Staff sign in with a password, and with a second factor where they have one or the site asks for it."""

import re
import time
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from groundwork.models import AuditEntry
from portal import second_factor, sign_in_limits
from tests.portal.conftest import signed_in

PASSWORD = "correct horse battery staple"


@pytest.fixture
def ann(database) -> User:
    return User.objects.create_superuser("ann", password=PASSWORD)


def code_of(user: User, later: int = 0) -> str:
    """Return what the user's app shows, `later` steps from now."""
    device = TOTPDevice.objects.get(user=user)
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    totp.time = time.time() + later * device.step
    return f"{totp.token():06}"


def signs_in(code: str = "", password: str = PASSWORD) -> tuple[Client, object]:
    client = Client()
    facts = {"username": "ann", "password": password, "code": code}
    return client, client.post("/admin/login/?next=/admin/", facts)


def set_up(user: User) -> list[str]:
    second_factor.offered(user)
    _, codes = second_factor.set_up(user, code_of(user))
    # The code that set it up is used; whoever comes next shows a later one.
    TOTPDevice.objects.filter(user=user).update(last_t=-1)
    return codes


def comes_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_a_password_is_enough_where_no_second_factor_is_asked_for(ann):
    client, answer = signs_in()
    assert answer.status_code == 302
    assert comes_in(client)


def test_who_has_one_is_asked_for_it_whatever_the_setting(ann):
    set_up(ann)
    client, answer = signs_in()
    assert answer.context["form"].errors["code"] == ["Enter the code."]
    assert not comes_in(client)
    client, answer = signs_in("000000")
    assert answer.context["form"].errors["code"][0].startswith("That is not the code")
    assert not comes_in(client)


def test_the_code_of_the_app_opens_once(ann):
    set_up(ann)
    code = code_of(ann)
    client, answer = signs_in(f" {code[:3]} {code[3:]} ")
    assert answer.status_code == 302
    assert comes_in(client)
    client, answer = signs_in(code)
    assert answer.status_code == 200
    assert not comes_in(client)


def test_a_right_code_is_nothing_without_the_password(ann):
    set_up(ann)
    client, _ = signs_in(code_of(ann), password="wrong")
    assert not comes_in(client)
    client, answer = signs_in(code_of(ann))
    assert answer.status_code == 302  # the code was not used up


def test_a_spare_code_opens_once_and_is_gone(ann):
    codes = set_up(ann)
    assert len(set(codes)) == 8
    client, _ = signs_in(codes[3].upper())
    assert comes_in(client)
    assert StaticToken.objects.count() == 7
    client, _ = signs_in(codes[3])
    assert not comes_in(client)


def test_wrong_codes_one_after_another_must_wait_and_the_right_one_too(ann):
    codes = set_up(ann)
    signs_in("000000")
    device = TOTPDevice.objects.get()
    assert device.throttling_failure_count == 1
    TOTPDevice.objects.update(throttling_failure_count=9)  # 256 seconds
    client, _ = signs_in(code_of(ann))
    assert not comes_in(client)
    client, _ = signs_in(codes[0])  # the spare codes have their own patience
    assert comes_in(client)


def test_where_it_is_asked_for_who_has_none_sets_one_up_at_once(ann, settings):
    settings.STAFF_TWO_FACTOR = True
    client, _ = signs_in()
    answer = client.get("/admin/customers/customer/", follow=True)
    assert answer.redirect_chain[-1][0] == "/admin/second-factor/"
    page = answer.content.decode()
    assert "<svg" in page
    assert re.search(r'tc-secret">[A-Z2-7]{32,}', page)
    assert client.post("/admin/second-factor/", {"code": "000000"}).context["form"].errors["code"]
    assert not comes_in(client)
    TOTPDevice.objects.update(throttling_failure_count=0)
    answer = client.post("/admin/second-factor/", {"code": code_of(ann)})
    assert len(answer.context["codes"]) == 8
    assert comes_in(client)
    again = client.get("/admin/second-factor/").content.decode()
    assert "You have a second factor" in again
    assert "tc-secret" not in again
    entry = AuditEntry.objects.get(action="second_factor.set_up")
    assert (entry.actor, entry.subject) == ("ann", "ann")


def test_where_it_is_asked_for_a_session_from_before_is_not_enough(ann, settings):
    set_up(ann)
    client = signed_in(ann)
    assert comes_in(client)
    settings.STAFF_TWO_FACTOR = True
    assert not comes_in(client)
    answer = client.get("/admin/second-factor/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/admin/login/")
    assert b"tc-secret" not in answer.content


def test_somebody_who_is_no_staff_sees_nothing_of_it(database, settings):
    settings.STAFF_TWO_FACTOR = True
    guest = signed_in(User.objects.create_user("guest"))
    for client in (guest, Client()):
        answer = client.get("/admin/second-factor/")
        assert (answer.status_code, answer["Location"]) == (302, "/admin/login/")
    assert not TOTPDevice.objects.exists()


def test_an_administrator_takes_it_away_from_who_lost_the_phone(ann):
    bob = User.objects.create_user("bob", is_staff=True)
    set_up(bob)
    posted = {"action": "take_second_factor_away", "_selected_action": [bob.pk]}
    signed_in(ann).post("/admin/auth/user/", posted)
    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()
    entry = AuditEntry.objects.get(action="second_factor.taken_away")
    assert (entry.actor, entry.subject) == ("ann", "bob")


def test_no_page_shows_the_secrets_of_others(ann):
    set_up(User.objects.create_user("bob", is_staff=True))
    client = signed_in(ann)
    for page in ("otp_totp/totpdevice", "otp_static/staticdevice"):
        assert client.get(f"/admin/{page}/").status_code == 404


def test_an_operator_lets_in_who_lost_phone_and_codes(ann):
    set_up(ann)
    out = StringIO()
    call_command("forget_second_factor", "ann", stdout=out)
    assert out.getvalue() == "ann signs in without a code, and may set one up.\n"
    assert not TOTPDevice.objects.exists()
    assert AuditEntry.objects.get(action="second_factor.taken_away").subject == "ann"
    for name, told in (("ann", "ann has no second factor."), ("bob", "Nobody is called bob.")):
        with pytest.raises(CommandError, match=told):
            call_command("forget_second_factor", name)


def test_a_password_that_its_owner_changed_is_audited_and_a_refused_one_is_not(ann):
    client = signed_in(ann)
    new = {"new_password1": "another long phrase 9", "new_password2": "another long phrase 9"}
    client.post("/admin/password_change/", {"old_password": "wrong", **new})
    assert not AuditEntry.objects.exists()
    client.post("/admin/password_change/", {"old_password": PASSWORD, **new})
    entry = AuditEntry.objects.get(action="user.password_changed")
    assert (entry.actor, entry.subject, entry.after) == ("ann", "ann", None)


def refused(name: str = "ann", *, address: str = "203.0.113.7") -> str:
    """Sign in with a wrong password; return what the page says."""
    facts = {"username": name, "password": "wrong", "code": ""}
    return Client().post("/admin/login/", facts, REMOTE_ADDR=address).content.decode()


def enters(*, address: str = "203.0.113.7") -> bool:
    facts = {"username": "ann", "password": PASSWORD, "code": ""}
    return Client().post("/admin/login/", facts, REMOTE_ADDR=address).status_code == 302


def test_an_address_that_is_wrong_too_often_is_not_heard_for_a_while(ann, clock):
    for number in range(sign_in_limits.FROM_AN_ADDRESS):
        assert "Too many" not in refused(f"somebody-{number}")
    assert "Too many sign-ins went wrong. Wait for 15 minutes" in refused()
    assert not enters()
    assert AuditEntry.objects.filter(subject="sign-in from 203.0.113.7").count() == 10
    assert enters(address="203.0.113.8")
    clock.move(sign_in_limits.WINDOW)
    assert enters()


def test_a_name_is_not_guessed_at_from_many_addresses(ann, monkeypatch):
    monkeypatch.setattr(sign_in_limits, "UNDER_A_NAME", 3)
    for number in range(3):
        assert enters(address="198.51.100.1")
        refused(address=f"203.0.113.{number}")
    assert not enters(address="198.51.100.1")
    assert AuditEntry.objects.filter(subject="sign-in as ann").count() == 3


def test_a_session_that_ran_out_or_never_was_is_none(ann):
    client = Client()
    client.force_login(ann)
    assert client.get("/admin/").status_code == 200
    Session.objects.update(expire_date=timezone.now())
    assert client.get("/admin/").status_code == 302
    client.cookies["sessionid"] = "never-was-one\u00e9"
    assert client.get("/admin/").status_code == 302
