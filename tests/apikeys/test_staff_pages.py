"""Staff issue, change, rotate and revoke keys on their pages; a secret is on one page, once."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apikeys import keys
from apikeys.models import ApiKey, ClaimLink, CustomerLimit, RequestLog
from groundwork.models import AuditEntry
from tests.apikeys.test_limit import outcomes
from tests.factories import CustomerFactory, key_of, now

KEY = re.compile(r"tc_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}")
LIST = "/admin/apikeys/apikey/"


@pytest.fixture
def alder(database):
    return CustomerFactory(slug="alder", name="Alder")


@pytest.fixture
def staff(alder) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


def form(customer, **says) -> dict[str, str]:
    split = {"expires_at_0": "", "expires_at_1": ""}
    return split | {"customer": customer.pk, "mode": "live", "label": "", "how": "shown"} | says


class _Fields(HTMLParser):
    """What a browser sends of a page's form as it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.says: dict[str, list[str]] = {}
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        name = has.get("name") or ""
        if tag == "textarea":
            self._area = name
            self.says[name] = [""]
        elif tag == "input" and (has.get("type") != "checkbox" or "checked" in has):
            self.says.setdefault(name, []).append(has.get("value") or "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.says[self._area] = [data.strip()]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""


def opened(staff: Client, page: str) -> dict[str, list[str]]:
    fields = _Fields()
    fields.feed(staff.get(page).content.decode())
    names = ("label", "scopes", "requests_a_minute", "allowed_networks", "expires_at", "initial-")
    return {name: says for name, says in fields.says.items() if name.startswith(names)}


def acted(staff: Client, action: str, *public_ids: str, **says):
    pks = [ApiKey.objects.get(public_id=public_id).pk for public_id in public_ids]
    return staff.post(LIST, {"action": action, "_selected_action": pks} | says)


def test_a_key_is_issued_and_shown_on_one_page_that_is_kept_nowhere(alder, staff):
    page = staff.get(f"{LIST}add/").content.decode()
    assert "None checked: all of them." in page
    answer = staff.post(
        f"{LIST}add/",
        form(
            alder, label="shop", scopes=["stock"], allowed_networks="203.0.113.0/24\n2001:db8::/48"
        ),
    )
    (key,) = KEY.findall(answer.content.decode())
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert "messages" not in answer.cookies
    row = ApiKey.objects.get()
    assert (row.label, row.scopes) == ("shop", ["stock"])
    assert row.allowed_networks == ["203.0.113.0/24", "2001:db8::/48"]
    assert AuditEntry.objects.get().actor == "ann"
    for path in (LIST, f"{LIST}{row.pk}/change/", "/admin/", "/admin/groundwork/auditentry/"):
        said = staff.get(path)
        assert said.status_code == 200
        assert key[21:53] not in said.content.decode()


def test_staff_who_make_a_link_never_see_the_key(alder, staff):
    answer = staff.post(
        f"{LIST}add/", form(alder, how="by_link", expires_at_0="2030-01-01", expires_at_1="00:00")
    )
    said = answer.content.decode()
    assert not KEY.search(said)
    path = re.search(r"/claim/tc_claim_\w+", said)[0]
    assert ApiKey.objects.count() == 0
    assert KEY.search(Client().post(path).content.decode())
    assert ApiKey.objects.get().expires_at == datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("says", "field", "why"),
    [
        ({"allowed_networks": "nowhere"}, "allowed_networks", "nowhere is no network"),
        ({"requests_a_minute": "0"}, "__all__", "A limit is between 1 and 6000 requests."),
        ({"scopes": ["everything"]}, "scopes", "everything is not one of the available choices"),
        ({"customer": ""}, "customer", "This field is required."),
    ],
)
def test_what_no_key_may_say_is_told_beside_its_field(alder, staff, says, field, why):
    answer = staff.post(f"{LIST}add/", form(alder) | says)
    errors = answer.context["adminform"].form.errors
    assert why in " ".join(errors[field])
    assert (ApiKey.objects.count(), AuditEntry.objects.count()) == (0, 0)


def test_a_key_is_changed_and_the_change_is_audited(alder, staff):
    key = key_of(alder, label="old")
    row = ApiKey.objects.get()
    page = f"{LIST}{row.pk}/change/"
    assert staff.get(page).status_code == 200
    says = opened(staff, page) | {"label": "new", "requests_a_minute": "5"}
    assert staff.post(page, says).status_code == 302
    row.refresh_from_db()
    assert (row.label, row.requests_a_minute, row.customer) == ("new", 5, alder)
    entry = AuditEntry.objects.get(action="apikey.changed")
    assert (entry.actor, entry.before["label"], entry.after["label"]) == ("ann", "old", "new")
    assert outcomes(key, 1) == ["admitted"]


def test_a_page_that_was_open_while_the_key_was_rotated_writes_only_what_was_changed_on_it(
    alder, staff
):
    """Saving it wrote back everything it showed: the predecessor had no end any more."""
    ends = now() + timedelta(days=60)
    networks = ["203.0.113.0/24", "2001:db8::/48"]
    key = key_of(alder, label="old", scopes=["stock"], allowed_networks=networks, expires_at=ends)
    page = f"{LIST}{ApiKey.objects.get().pk}/change/"
    says = opened(staff, page)
    keys.rotate(key[8:20], actor="bob", overlap_days=30)
    overlap = ApiKey.objects.get(public_id=key[8:20]).expires_at
    assert staff.post(page, says | {"label": "new"}).status_code == 302
    row = ApiKey.objects.get(public_id=key[8:20])
    assert (row.label, row.expires_at, row.scopes) == ("new", overlap, ["stock"])
    assert (row.allowed_networks, row.requests_a_minute) == (networks, None)
    entry = AuditEntry.objects.get(action="apikey.changed")
    assert entry.before | {"label": "new"} == entry.after


@pytest.mark.parametrize(
    ("meanwhile", "mine", "field"),
    [
        ({"label": "theirs"}, {"label": "mine"}, "label"),
        ({"scopes": ["stock", "pricing"]}, {"scopes": ["catalogue"]}, "scopes"),
        ({"requests_a_minute": 7}, {"requests_a_minute": "8"}, "requests_a_minute"),
        ({"allowed_networks": []}, {"allowed_networks": "198.51.100.0/24"}, "allowed_networks"),
        ({"expires_at": None}, {"expires_at_0": "2031-01-01"}, "expires_at"),
    ],
)
def test_what_somebody_else_changed_meanwhile_is_not_written_over(
    alder, staff, meanwhile, mine, field
):
    says = {"label": "old", "scopes": ["stock"], "requests_a_minute": 5}
    ends = now() + timedelta(days=60)
    key_of(alder, **says, allowed_networks=["203.0.113.0/24"], expires_at=ends)
    row = ApiKey.objects.get()
    page = f"{LIST}{row.pk}/change/"
    shown = opened(staff, page)
    keys.change(row.public_id, actor="bob", **meanwhile)
    before = ApiKey.objects.values().get()
    answer = staff.post(page, shown | mine)
    errors = answer.context["adminform"].form.errors
    assert dict(errors) == {
        field: ["Somebody changed this since the page was opened. Open it anew."]
    }
    assert ApiKey.objects.values().get() == before


def test_an_end_in_the_past_is_told_beside_its_field_and_an_expired_key_is_not_changed(
    alder, staff, clock
):
    key_of(alder, label="old", expires_at=now() + timedelta(days=1))
    row = ApiKey.objects.get()
    page = f"{LIST}{row.pk}/change/"
    says = opened(staff, page)
    answer = staff.post(page, says | {"expires_at_0": "2020-01-01"})
    assert dict(answer.context["adminform"].form.errors) == {
        "expires_at": ["A key cannot have expired in the past. Revoke it to end it now."]
    }
    clock.move(timedelta(days=2))
    assert staff.get(page).status_code == 200
    assert staff.post(page, says | {"label": "new"}).status_code == 403
    assert ApiKey.objects.values("label", "expires_at").get() == {
        "label": "old", "expires_at": row.expires_at,
    }  # fmt: skip


@pytest.mark.parametrize("action", ["rotate", "revoke"])
def test_more_keys_than_the_page_can_carry_are_refused_and_none_is_touched(alder, staff, action):
    ids = [key_of(alder)[8:20] for _ in range(101)]
    assert acted(staff, action, *ids[:100]).status_code == 200
    assert acted(staff, action, *ids).status_code == 302
    said = "101 keys are chosen, and 100 are the most at once. Choose fewer."
    assert said in staff.get(LIST).content.decode()
    says = {"apply": "yes", "reason": "x", "overlap_days": "0", "how": "shown"}
    acted(staff, action, *ids, **says)
    assert ApiKey.objects.filter(revoked_at=None, expires_at=None).count() == 101


def test_one_key_that_cannot_be_rotated_stops_no_other(alder, staff):
    bad, good = key_of(alder), key_of(alder)
    ApiKey.objects.filter(public_id=bad[8:20]).update(scopes=["orders"])
    says = {"apply": "yes", "overlap_days": "3", "how": "shown"}
    answer = acted(staff, "rotate", bad[8:20], good[8:20], **says)
    assert len(KEY.findall(answer.content.decode())) == 1
    assert ApiKey.objects.get(predecessor__isnull=False).predecessor.public_id == good[8:20]
    assert f"tc_live_{bad[8:20]}: There is no scope orders." in answer.content.decode()


def test_a_revoked_key_is_looked_at_and_changed_no_more(alder, staff):
    key = key_of(alder)
    keys.revoke(key[8:20], actor="ann", reason="leaked")
    page = f"{LIST}{ApiKey.objects.get().pk}/change/"
    assert "leaked" in staff.get(page).content.decode()
    assert staff.post(page, {"label": "new"}).status_code == 403
    assert ApiKey.objects.get().label == ""


def test_keys_are_revoked_with_a_reason_that_is_asked_for(alder, staff):
    first, second = key_of(alder), key_of(alder)
    asked = acted(staff, "revoke", first[8:20], second[8:20])
    assert f"tc_live_{first[8:20]}" in asked.content.decode()
    empty = acted(staff, "revoke", first[8:20], apply="yes", reason="")
    assert "This field is required." in empty.content.decode()
    assert ApiKey.objects.exclude(revoked_at=None).count() == 0
    untyped = acted(staff, "revoke", first[8:20], apply="yes", reason="leaked", confirm="yes")
    assert "Type the word revoke. Nothing was done." in untyped.content.decode()
    assert ApiKey.objects.exclude(revoked_at=None).count() == 0
    says = {"apply": "yes", "reason": "leaked", "confirm": " Revoke "}
    acted(staff, "revoke", first[8:20], second[8:20], **says)
    assert list(ApiKey.objects.values_list("revoked_reason", flat=True)) == ["leaked"] * 2
    assert (outcomes(first, 1), outcomes(second, 1)) == (["refused"], ["refused"])


def test_keys_are_rotated_and_the_new_ones_shown_once(alder, staff):
    old = key_of(alder)
    assert "Overlap days" in acted(staff, "rotate", old[8:20]).content.decode()
    says = {"apply": "yes", "overlap_days": "3", "how": "shown"}
    answer = acted(staff, "rotate", old[8:20], **says)
    (new,) = KEY.findall(answer.content.decode())
    assert (outcomes(old, 1), outcomes(new, 1)) == (["admitted"], ["admitted"])
    ends = ApiKey.objects.get(public_id=old[8:20]).expires_at
    assert timedelta(days=2) < ends - now() < timedelta(days=4)
    again = acted(staff, "rotate", old[8:20], **says)
    assert again.status_code == 302
    assert "was rotated already" in staff.get(LIST).content.decode()
    assert ApiKey.objects.count() == 2


def test_a_link_to_a_successor_is_made_and_withdrawn(alder, staff):
    old = key_of(alder)
    answer = acted(staff, "rotate", old[8:20], apply="yes", overlap_days="3", how="by_link")
    path = re.search(r"/claim/tc_claim_\w+", answer.content.decode())[0]
    assert Client().get(path).status_code == 200
    link = ClaimLink.objects.get()
    links = "/admin/apikeys/claimlink/"
    assert staff.get(links).status_code == staff.get(f"{links}{link.pk}/change/").status_code == 200
    staff.post(links, {"action": "withdraw", "_selected_action": [link.pk]})
    assert Client().post(path).status_code == 410
    assert ApiKey.objects.count() == 1


def test_who_may_only_look_changes_nothing(alder):
    key = key_of(alder)
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_apikey"))
    client = Client()
    client.force_login(user)
    assert client.get(LIST).status_code == 200
    assert client.get(f"{LIST}add/").status_code == 403
    acted(client, "revoke", key[8:20], apply="yes", reason="spite", confirm="revoke")
    for button in ("revoke", "rotate"):
        pk = ApiKey.objects.get().pk
        assert client.get(f"{LIST}{pk}/{button}/").status_code in (403, 404)
    acted(client, "rotate", key[8:20], apply="yes", overlap_days="0", how="shown")
    assert ApiKey.objects.filter(revoked_at=None, expires_at=None).count() == 1


def test_the_list_says_when_each_was_last_used_in_a_fixed_number_of_queries(alder, staff):
    for _ in range(3):
        key = key_of(alder)
    outcomes(key, 1)
    with CaptureQueriesContext(
        connection,
    ) as few:
        page = staff.get(LIST).content.decode()
    at = RequestLog.objects.get().at
    used = f'datetime="{at.isoformat(timespec="seconds")}" title="{at:%Y-%m-%d %H:%M:%S} UTC"'
    assert used in page.partition("field-last_used_at")[2]
    assert page.count("field-last_used_at") == 3
    for _ in range(10):
        key_of(alder)
    with CaptureQueriesContext(connection) as many:
        staff.get(LIST)
    assert len(few) == len(many)


def test_a_customer_s_limit_is_set_changed_and_taken_back(alder, staff):
    page = "/admin/apikeys/customerlimit/"
    assert (
        staff.post(f"{page}add/", {"customer": alder.pk, "requests_a_minute": "2"}).status_code
        == 302
    )
    key = key_of(alder)
    assert outcomes(key, 3) == ["admitted"] * 2 + ["limited"]
    staff.post(f"{page}{alder.pk}/change/", {"requests_a_minute": "3"})
    assert outcomes(key, 2) == ["admitted", "limited"]
    staff.post(f"{page}{alder.pk}/delete/", {"post": "yes"})
    assert CustomerLimit.objects.count() == 0
    assert outcomes(key, 1) == ["admitted"]
    assert AuditEntry.objects.filter(action="customer.limited", actor="ann").count() == 3
