"""Operators deliver what is due once, and tell an endpoint once more what it was told."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from groundwork.models import AuditEntry
from outbound_hooks import endpoints
from outbound_hooks.models import Delivery
from tests.factories import fixed_price, now, terms_changed, variant


def said(name: str, **options) -> str:
    out = StringIO()
    call_command(name, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def told(people, endpoint, receiver):
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    assert said("deliver_webhooks", once=True) == "1 deliveries tried.\n"
    return receiver


def test_what_is_due_is_delivered_once(told):
    assert len(told.received) == 1
    assert said("deliver_webhooks", once=True) == "0 deliveries tried.\n"


def test_what_ended_so_in_a_time_is_told_once_more(told, endpoint):
    options = {"endpoint": endpoint.public_id, "status": ["delivered"]}
    hour = timedelta(hours=1)
    later, earlier = (now() + hour).isoformat(), (now() - hour).isoformat()
    assert said("replay_webhooks", **options, since=later).startswith("0 deliveries")
    assert said("replay_webhooks", **options, dry_run=True) == (
        "1 deliveries would be told once more.\n"
    )
    assert Delivery.objects.count() == 1
    assert said("replay_webhooks", **options, since=earlier, until=later) == (
        "1 deliveries are told once more, in 1 messages.\n"
    )
    assert said("deliver_webhooks", once=True) == "1 deliveries tried.\n"
    assert AuditEntry.objects.get(action="endpoint.replayed").after == {
        "deliveries": 1,
        "messages": 1,
    }


def test_a_disabled_endpoint_s_replay_waits(told, endpoint):
    endpoints.disable(endpoint, actor="ann", reason="Maintenance.")
    text = said("replay_webhooks", endpoint=endpoint.public_id, status=["delivered"])
    assert "they wait until it is enabled" in text
    assert said("deliver_webhooks", once=True) == "0 deliveries tried.\n"


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        ({"endpoint": "wh_none"}, "There is no endpoint wh_none.", 2),
        ({"since": "yesterday"}, "Write it with its offset", 2),
    ],
)
def test_a_wrong_question_is_one_line_and_an_exit_code(told, endpoint, options, message, code):
    with pytest.raises(CommandError, match=message) as refused:
        said("replay_webhooks", **{"endpoint": endpoint.public_id} | options)
    assert refused.value.returncode == code


def test_without_a_contract_nothing_is_told(people, told, endpoint):
    terms_changed(people.alice, status="suspended")
    with pytest.raises(CommandError, match="No contract of this customer") as refused:
        said("replay_webhooks", endpoint=endpoint.public_id, status=["delivered"])
    assert refused.value.returncode == 1
    assert Delivery.objects.count() == 1


def test_senders_have_a_bound():
    with pytest.raises(CommandError, match="takes 1 to 256"):
        said("deliver_webhooks", senders=0)
