"""Dead events, and done ones, are followed again by command and by staff; staff also discard."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from groundwork.models import Alarm, AuditEntry
from sync.models import InboundEvent
from tests.sync.conftest import run
from tests.sync.hooks import DEAD, DONE, PENDING, deliver, follow_all, send, statuses, told
from tests.sync.test_reconcile import mirrored, sellable, simple

SLUG = "small-1"
LIST = "/admin/sync/inboundevent/"


@pytest.fixture
def dead(shop):
    """One dead event, one that is done, and an open alarm."""
    deliver(SLUG, b"<html>")
    shop.edit_price(simple(shop, 0).id, "9.99")
    send(SLUG, told(shop))
    follow_all()
    assert statuses() == [DEAD, DONE]
    return InboundEvent.objects.get(status=DEAD)


def alarms() -> int:
    return Alarm.objects.filter(code="hook_events_dead", closed_at=None).count()


def test_a_replay_follows_the_dead_again_and_takes_the_alarm_back(dead, woken):
    woken.clear()
    said = run("replay_events")
    lines = said.out.splitlines()
    assert lines[0].startswith(f"{dead.pk} small-1 product.updated received ")
    assert lines[0].endswith(": Its body is no JSON. Look for a plugin that changes webhooks.")
    assert lines[1:] == ["1 events are followed again."]
    assert (statuses(), woken, alarms()) == ([PENDING, DONE], [dead.source_id], 0)
    dead.refresh_from_db()
    assert (dead.attempts, dead.error, dead.settled_at) == (0, "", None)
    follow_all()
    assert (statuses(), alarms()) == ([DEAD, DONE], 1)


def test_a_dry_run_tells_which_and_changes_nothing(dead, woken):
    woken.clear()
    said = run("replay_events", "--dry-run")
    assert said.out.splitlines()[-1] == "1 events would be followed again (a dry run)."
    assert (statuses(), woken, alarms()) == ([DEAD, DONE], [], 1)


def test_done_events_are_replayed_where_that_is_asked_for(dead, shop):
    """The mirror lost what they told; following them again brings it back."""
    shop.change_silently(simple(shop, 0).id, regular_price="7.77")
    assert run("replay_events", status="done").code == 0
    assert statuses() == [DEAD, PENDING]
    follow_all()
    assert statuses() == [DEAD, DONE]
    assert mirrored() == sellable(shop)


def test_source_time_and_number_narrow_the_choice(dead):
    early, late = dead.received_at - timedelta(hours=1), dead.received_at + timedelta(hours=1)
    for options in (
        {"since": late.isoformat()},
        {"until": early.isoformat()},
        {"id": [dead.pk + 1]},
        {"until": dead.received_at.isoformat()},
    ):
        assert json.loads(run("replay_events", "--json", **options).out)["count"] == 0
        assert statuses() == [DEAD, DONE]
    chosen = {"since": dead.received_at.isoformat(), "until": late.isoformat()}
    said = run("replay_events", "--json", source=[SLUG], id=[dead.pk], **chosen)
    document = json.loads(said.out)
    assert (document["count"], document["dry_run"]) == (1, False)
    assert document["events"][0]["correlation_id"] == dead.correlation_id
    assert statuses() == [PENDING, DONE]


def test_an_unknown_source_is_wrong_usage(dead):
    said = run("replay_events", source=["nope"])
    assert (said.code, said.error) == (2, "There is no source nope. Known: small-1.")
    assert statuses() == [DEAD, DONE]


def test_no_time_is_one_line(dead):
    said = run("replay_events", "--since", "yesterday")
    assert (said.code, "yesterday is no time such as 2026-11-21T10:00:00Z" in said.error) == (
        1,
        True,
    )


def browser(*permissions: str) -> Client:
    """A member of staff who is signed in."""
    user = get_user_model().objects.create_user("ada", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def act(client: Client, action: str, *ids: int):
    form = {"action": action, "_selected_action": ids, "index": 0}
    return client.post(LIST, form, follow=True)


def test_staff_replay_from_the_list_and_it_is_recorded(dead, woken):
    woken.clear()
    client = browser("view_inboundevent", "replay_inboundevent")
    answer = act(client, "replay", dead.pk, dead.pk + 1)
    assert "2 events are followed again." in answer.content.decode()
    assert (statuses(), woken, alarms()) == ([PENDING, PENDING], [dead.source_id], 0)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.after) == (
        "ada", "replay_events", {"ids": [dead.pk, dead.pk + 1], "count": 2},
    )  # fmt: skip


def test_staff_discard_only_what_is_dead(dead):
    client = browser("view_inboundevent", "replay_inboundevent")
    assert (
        "1 dead events were discarded."
        in act(client, "discard", dead.pk, dead.pk + 1).content.decode()
    )
    assert (statuses(), alarms()) == ([DONE, DONE], 0)
    assert AuditEntry.objects.get().after == {"ids": [dead.pk, dead.pk + 1], "count": 1}


def test_who_may_only_look_can_only_look(dead):
    client = browser("view_inboundevent", "view_refuseddelivery")
    text = client.get(LIST).content.decode()
    assert "Its body is no JSON." in text
    assert "Replay: follow" not in text
    act(client, "replay", dead.pk)
    assert (statuses(), AuditEntry.objects.count()) == ([DEAD, DONE], 0)
    one = client.get(f"{LIST}{dead.pk}/change/").content.decode()
    assert "&lt;html&gt;" in one
    assert client.post(f"{LIST}{dead.pk}/change/", {"status": "done"}).status_code == 403
    assert client.get("/admin/sync/refuseddelivery/").status_code == 200


def test_the_list_asks_as_often_whatever_its_length(dead, django_assert_max_num_queries):
    client = browser("view_inboundevent", "replay_inboundevent")
    for _ in range(30):
        deliver(SLUG, b"<html>")
    client.get(LIST)
    with django_assert_max_num_queries(12):
        client.get(LIST)
