"""Staff take rules out to a file on a page, bring one in, look at what it would change, and apply it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers.models import RuleFile, VisibilityRule
from groundwork.models import AuditEntry
from pricing.models import PriceRule
from tests.factories import cast, fixed_price, newest_revision, now, seen_by

PRICES = "/admin/pricing/pricerule/"
TWO = "customer,product,kind,value,currency\nbob,MUG-11,fixed,9.5,USD\ncarol,,percent,5,USD\n"


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def staff(people) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


def brought(staff: Client, text: str | bytes, *, where: str = PRICES, **options) -> Client:
    raw = text if isinstance(text, bytes) else text.encode()
    file = SimpleUploadedFile("spring.csv", raw, content_type="text/csv")
    return staff.post(f"{where}files/", {"file": file, **options}, follow=True)


def shown(page) -> str:
    return " ".join(page.content.decode().split())


def test_a_file_is_looked_at_and_then_applied(people, staff):
    before = newest_revision()
    page = brought(staff, TWO)
    assert "2 lines: 1 to add, 1 to change, 0 as they stand, 0 to withdraw." in shown(page)
    assert "amount 9.99 -&gt; 9.5" in shown(page)
    assert "bob,MUG-11,fixed,9.5,USD" in shown(page)
    assert newest_revision() == before
    file = RuleFile.objects.get()
    done = staff.post(
        page.request["PATH_INFO"], {"judged_at": page.context["found"].judged_at}, follow=True
    )
    assert "spring.csv: 1 added, 1 changed, 0 withdrawn." in shown(done)
    assert seen_by(people.bob)["MUG-11-BLK"] == "9.50"
    file.refresh_from_db()
    assert (file.applied_by, file.revision, file.text) == ("ann", before + 1, TWO)
    assert AuditEntry.objects.get(action="pricerule.imported").actor == "ann"
    again = staff.get(page.request["PATH_INFO"])
    assert f"ann applied this file on {file.applied_at:%Y-%m-%d}" in shown(again)
    staff.post(page.request["PATH_INFO"])
    assert newest_revision() == before + 1


def test_rules_that_changed_since_the_look_are_looked_at_again(people, staff):
    page = brought(staff, TWO)
    fixed_price("1", customer=people.alice)
    before = newest_revision()
    refused = staff.post(
        page.request["PATH_INFO"], {"judged_at": page.context["found"].judged_at}, follow=True
    )
    assert "Nothing was written. Rules changed since this was looked at." in shown(refused)
    assert "Apply all of it" in shown(refused)
    assert (newest_revision(), RuleFile.objects.get().applied_at) == (before, None)


def test_what_a_file_does_not_list_is_withdrawn_where_that_was_chosen(people, staff):
    fixed_price("1", customer=people.bob)
    page = brought(staff, TWO, withdraw_missing="on")
    assert "1 to add, 1 to change, 0 as they stand, 1 to withdraw." in shown(page)
    staff.post(page.request["PATH_INFO"], {"judged_at": page.context["found"].judged_at})
    assert PriceRule.objects.filter(until_revision=None, customer=people.bob).count() == 1


def test_faults_are_shown_with_their_lines_and_nothing_can_be_applied(people, staff):
    before = newest_revision()
    page = brought(staff, "customer,kind,value,currency\nzoe,fixed,1,USD\nbob,fixed,-1,USD\n")
    assert "2 faults in 2 lines." in shown(page)
    assert "customer: There is no customer &#x27;zoe&#x27;." in shown(page)
    assert "zoe,fixed,1,USD" in shown(page)
    assert "Apply all of it" not in shown(page)
    staff.post(page.request["PATH_INFO"], {"judged_at": "1"})
    assert (newest_revision(), RuleFile.objects.get().applied_at) == (before, None)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("name\nCaf\xe9\n".encode("latin-1"), "This is not UTF-8 text."),
        (b"a\0b", "This is no text: it holds a NUL."),
        (b"", "empty"),
        (b"a" * (20 * 2**20 + 1), "A file has at most 20 MiB. Split it."),
    ],
    ids=["latin", "nul", "empty", "large"],
)
def test_what_is_no_file_of_rules_is_refused_at_the_field(people, staff, raw, reason):
    page = brought(staff, raw)
    assert reason in shown(page)
    assert not RuleFile.objects.exists()


def test_a_file_goes_out_for_one_customer_or_for_all_and_comes_in_again(people, staff):
    for where, lines in ((PRICES, 2), ("/admin/customers/visibilityrule/", 3)):
        out = staff.get(f"{where}files/export/")
        assert out["Content-Disposition"] == f'attachment; filename="{where.split("/")[3]}-all.csv"'
        assert len(out.content.splitlines()) == lines + 1
        page = brought(staff, out.content, where=where)
        assert f"{lines} lines: 0 to add, 0 to change, {lines} as they stand" in shown(page)
        assert "there is nothing to apply" in shown(page)
    one = staff.get(f"{PRICES}files/export/", {"customer": people.bob.pk})
    assert [line.split(",")[1] for line in one.content.decode().splitlines()] == ["customer", "bob"]
    wrong = staff.get(f"{PRICES}files/export/", {"customer": 10**9}, follow=True)
    assert "There is no such customer. Choose another." in shown(wrong)


def test_a_file_of_another_kind_of_rule_is_not_found(people, staff):
    brought(staff, TWO)
    pk = RuleFile.objects.get().pk
    assert staff.get(f"/admin/customers/visibilityrule/files/{pk}/").status_code == 404


def test_files_are_for_those_who_may_add_and_change(people):
    may = User.objects.create_user("ben", is_staff=True)
    model = PriceRule._meta.model_name
    may.user_permissions.set(
        Permission.objects.filter(codename__in=[f"view_{model}", f"add_{model}"])
    )
    client = Client()
    client.force_login(may)
    file = RuleFile.objects.create(kind=model, name="x", text=TWO, uploaded_by="ann")
    for path in ("files/", "files/export/", f"files/{file.pk}/"):
        assert client.get(PRICES + path).status_code == 403
        assert client.post(PRICES + path).status_code == 403
    assert VisibilityRule.objects.filter(customer=people.carol).count() == 0


def test_what_nobody_came_back_to_is_dropped_with_the_next_file(people, staff):
    old = now() - timedelta(days=8)
    for name, applied_at in (("forgotten", None), ("applied", old)):
        RuleFile.objects.create(
            kind="pricerule",
            name=name,
            text="",
            uploaded_by="ann",
            uploaded_at=old,
            applied_at=applied_at,
        )
    brought(staff, TWO)
    names = RuleFile.objects.order_by("name").values_list("name", flat=True)
    assert list(names) == ["applied", "spring.csv"]
