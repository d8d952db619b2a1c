"""What each group may do, object by object: every list, page, addition, change and action of the site."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.test import Client, RequestFactory

from groundwork.models import AuditEntry
from portal.staff import GROUPS, permissions_of
from tests.portal.conftest import of_group, signed_in

# What each may do with each list, written down apart from the code: (v)iew, (a)dd, (c)hange, (d)elete.
# The columns: Catalogue viewer, Account manager, Operator, Administrator.
MAY = {
    "apikeys.apikey": ("", "vac", "vc", "vac"),
    "apikeys.claimlink": ("", "v", "v", "v"),
    "apikeys.customerlimit": ("", "vacd", "v", "vacd"),
    "apikeys.expirynotice": ("", "v", "v", "v"),
    "apikeys.keynetwork": ("", "v", "v", "v"),
    "apikeys.refusedstrangers": ("", "v", "v", "v"),
    "apikeys.requestlog": ("", "v", "v", "v"),
    "apikeys.suspicion": ("", "v", "v", "v"),
    "apikeys.usagehour": ("", "v", "v", "v"),
    "auth.group": ("", "", "", "v"),
    "auth.user": ("", "", "", "vac"),
    "catalog_mirror.brakerelease": ("v", "v", "v", "v"),
    "catalog_mirror.brand": ("v", "v", "v", "v"),
    "catalog_mirror.category": ("v", "v", "v", "v"),
    "catalog_mirror.heldchange": ("v", "v", "v", "v"),
    "catalog_mirror.product": ("v", "v", "v", "v"),
    "catalog_mirror.quarantinedrecord": ("v", "v", "v", "v"),
    "catalog_mirror.revision": ("v", "v", "v", "v"),
    "catalog_mirror.source": ("v", "v", "v", "v"),
    "catalog_mirror.stocklevel": ("v", "v", "v", "v"),
    "catalog_mirror.variant": ("v", "v", "v", "v"),
    "customers.application": ("", "vc", "v", "vc"),
    "customers.customer": ("", "vac", "v", "vac"),
    "customers.customerterms": ("", "vac", "v", "vac"),
    "customers.tier": ("", "vac", "v", "vac"),
    "customers.visibilityrule": ("", "vac", "v", "vac"),
    "customers.visibilitytemplate": ("", "vacd", "v", "vacd"),
    "groundwork.alarm": ("", "v", "v", "v"),
    "groundwork.auditentry": ("", "v", "v", "v"),
    "outbound_hooks.attempt": ("", "v", "v", "v"),
    "outbound_hooks.delivery": ("", "v", "v", "v"),
    "outbound_hooks.endpoint": ("", "vac", "vc", "vac"),
    "pricing.orderminimum": ("", "vac", "v", "vac"),
    "pricing.orderrule": ("", "vac", "v", "vac"),
    "pricing.pricerule": ("", "vac", "v", "vac"),
    "sync.connection": ("v", "v", "v", "v"),
    "sync.driftcorrection": ("v", "v", "v", "v"),
    "sync.inboundevent": ("", "", "v", "v"),
    "sync.refuseddelivery": ("", "", "v", "v"),
    "sync.sweeprun": ("v", "v", "v", "v"),
}
# The actions of lists, and who is offered each.
ACTIONS = {
    "apikeys.apikey": {"rotate": "-xxx", "revoke": "-xxx"},
    "apikeys.claimlink": {"withdraw": "-xxx"},
    "auth.user": {"take_second_factor_away": "---x"},
    "catalog_mirror.quarantinedrecord": {"retry": "--xx"},
    "customers.customer": {"change_tier": "-x-x", "change_status": "-x-x"},
    "customers.customerterms": {"withdraw": "-x-x", "restore": "-x-x"},
    "customers.visibilityrule": {"withdraw": "-x-x", "restore": "-x-x"},
    "outbound_hooks.delivery": {"replay": "-xxx"},
    "outbound_hooks.endpoint": dict.fromkeys(
        ("ping", "rotate", "enable", "disable", "replay_dead"), "-xxx"
    ),
    "pricing.orderminimum": {"withdraw": "-x-x", "restore": "-x-x"},
    "pricing.orderrule": {"withdraw": "-x-x", "restore": "-x-x"},
    "pricing.pricerule": {"withdraw": "-x-x", "restore": "-x-x"},
    "sync.connection": {"let_held_changes_pass": "--xx"},
    "sync.driftcorrection": {"as_csv": "xxxx"},
    "sync.sweeprun": {"as_csv": "xxxx"},
    "sync.inboundevent": {"replay": "--xx", "discard": "--xx"},
}
PAGES = {model._meta.label_lower: page for model, page in admin.site._registry.items()}


def request_of(user: User):
    request = RequestFactory().get("/admin/")
    request.user = user
    return request


def member(name: str) -> User:
    user = User.objects.create_user("somebody", is_staff=True)
    user.groups.add(Group.objects.get(name=name))
    return user


def test_every_list_of_the_site_is_in_the_table():
    assert sorted(MAY) == sorted(PAGES)


@pytest.mark.parametrize(("column", "group"), [*enumerate(GROUPS)])
def test_a_group_may_do_with_each_list_what_the_table_says(database, column, group):
    request = request_of(member(group))
    found = {
        label: "".join(
            verb[0]
            for verb in ("view", "add", "change", "delete")
            if getattr(page, f"has_{verb}_permission")(request)
        )
        for label, page in PAGES.items()
    }
    assert found == {label: columns[column] for label, columns in MAY.items()}


@pytest.mark.parametrize(("column", "group"), [*enumerate(GROUPS)])
def test_a_group_is_offered_the_actions_that_the_table_says(database, column, group):
    request = request_of(member(group))
    found = {
        label: set(page.get_actions(request)) - {"delete_selected"} for label, page in PAGES.items()
    }
    meant = {
        label: {name for name, who in ACTIONS.get(label, {}).items() if who[column] == "x"}
        for label in PAGES
    }
    assert found == meant


@pytest.mark.parametrize("label", sorted(PAGES))
def test_every_action_that_changes_something_asks_for_a_right(label):
    page = PAGES[label]
    for action in page.actions or ():
        asked = getattr(getattr(page, action), "allowed_permissions", ())
        assert asked, f"{label}: {action} is open to whoever may look"


@pytest.mark.parametrize(("column", "group"), [*enumerate(GROUPS)])
def test_the_pages_answer_as_the_table_says(people, column, group):
    client = of_group(group)
    found = {}
    for label in MAY:
        page = f"/admin/{label.replace('.', '/')}/"
        lists, adds = client.get(page).status_code, client.get(f"{page}add/").status_code
        found[label] = (lists, adds)
    meant = {
        label: (200 if "v" in columns[column] else 403, 200 if "a" in columns[column] else 403)
        for label, columns in MAY.items()
    }
    assert found == meant


@pytest.mark.parametrize(("column", "group"), [*enumerate(GROUPS)])
def test_the_pages_of_a_customer_open_to_who_may_see_customers(people, column, group):
    client, pk = of_group(group), people.alice.pk
    expected = 403 if column == 0 else 200
    for name in ("page", "view", "why", "compare"):
        answer = client.get(f"/admin/customers/customer/{pk}/{name}/")
        assert answer.status_code == expected, name


def test_the_home_page_tells_each_what_they_may_look_at(people):
    viewer = of_group("Catalogue viewer").get("/admin/")
    assert "Freshness" in viewer.content.decode()
    assert not viewer.context["home"]["may_see_figures"]
    assert "/admin/customers/" not in viewer.content.decode()
    manager = of_group("Account manager").get("/admin/")
    assert manager.context["home"]["may_see_figures"]


def test_a_viewer_s_post_changes_nothing(people):
    client, before = of_group("Operator"), AuditEntry.objects.count()
    for label, pk in (("customers/customer", people.alice.pk), ("customers/tier", people.gold.pk)):
        assert client.post(f"/admin/{label}/{pk}/change/", {"name": "X"}).status_code == 403
    posted = {"action": "change_status", "_selected_action": [people.alice.pk], "status": "ended"}
    client.post("/admin/customers/customer/", posted | {"apply": "yes"})
    rule = people.alice.customerterms_set.get()
    withdrawn = {"action": "withdraw", "_selected_action": [rule.pk]}
    client.post("/admin/customers/customerterms/", withdrawn)
    rule.refresh_from_db()
    assert (rule.status, rule.until_revision) == ("active", None)
    assert AuditEntry.objects.count() == before


def test_the_groups_hold_what_the_code_says_and_nothing_else(database):
    assert sorted(Group.objects.values_list("name", flat=True)) == sorted(GROUPS)
    for name in GROUPS:
        held = Permission.objects.filter(group__name=name)
        pairs = set(held.values_list("content_type__app_label", "codename"))
        assert pairs == permissions_of(name)


# -- staff themselves --------------------------------------------------------------------------


def test_an_administrator_adds_staff_gives_a_group_and_it_is_audited(database):
    admin_of = of_group("Administrator")
    secret = "a long and varied phrase 7"
    facts = {"username": "eve", "usable_password": "true", "password1": secret, "password2": secret}
    group = Group.objects.get(name="Operator")
    answer = admin_of.post("/admin/auth/user/add/", facts | {"groups": [group.pk]})
    assert answer.status_code == 302
    eve = User.objects.get(username="eve")
    assert (eve.is_staff, list(eve.groups.all())) == (True, [group])
    entry = AuditEntry.objects.get(action="user.added")
    assert (entry.actor, entry.subject) == ("administrator", "eve")
    assert entry.after["groups"] == ["Operator"]


def test_a_change_of_staff_is_audited_with_before_and_after(people, staff):
    bob = User.objects.create_user("bobby", is_staff=True)
    says = {"username": "bobby", "is_active": "on", "email": "b@x.example"}
    assert staff.post(f"/admin/auth/user/{bob.pk}/change/", says).status_code == 302
    entry = AuditEntry.objects.get(action="user.changed")
    assert (entry.before["email"], entry.after["email"]) == ("", "b@x.example")
    assert (entry.before["is_staff"], entry.after["is_staff"]) == (True, False)


def test_a_new_password_of_somebody_is_audited_without_it(people, staff):
    bob = User.objects.create_user("bobby", is_staff=True)
    secret = "another long phrase 9"
    facts = {"usable_password": "true", "password1": secret, "password2": secret}
    assert staff.post(f"/admin/auth/user/{bob.pk}/password/", facts).status_code == 302
    entry = AuditEntry.objects.get(action="user.password_changed")
    assert (entry.subject, entry.before, entry.after) == ("bobby", None, None)


def test_an_administrator_makes_nobody_all_powerful_and_changes_nobody_who_is(database):
    client = of_group("Administrator")
    root = User.objects.create_superuser("root")
    bob = User.objects.create_user("bobby", is_staff=True)
    says = {"username": "bobby", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    client.post(f"/admin/auth/user/{bob.pk}/change/", says)
    assert not User.objects.get(pk=bob.pk).is_superuser
    answer = client.post(f"/admin/auth/user/{root.pk}/change/", says | {"username": "root"})
    assert answer.status_code == 403
    assert client.post(f"/admin/auth/user/{root.pk}/password/", {}).status_code == 403
    posted = {"action": "take_second_factor_away", "_selected_action": [root.pk]}
    assert (
        "only who may so too"
        in client.post("/admin/auth/user/", posted, follow=True).content.decode()
    )
    assert User.objects.get(pk=root.pk).is_superuser


def test_nobody_is_deleted(people, staff):
    bob = User.objects.create_user("bobby")
    assert staff.post(f"/admin/auth/user/{bob.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=bob.pk).exists()


def test_who_is_not_staff_sees_nothing(people):
    for client in (Client(), signed_in(User.objects.create_user("guest"))):
        for label in MAY:
            answer = client.get(f"/admin/{label.replace('.', '/')}/")
            assert answer.status_code == 302
            assert answer["Location"].startswith("/admin/login/")
