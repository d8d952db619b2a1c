"""A test message, sent while the asker waits, so that the receiver's answer can be shown."""

from datetime import timedelta

from groundwork.instants import database_now
from outbound_hooks import deliveries
from outbound_hooks.deliveries import Completed
from outbound_hooks.delivering import sent
from outbound_hooks.models import Delivery, Endpoint
from outbound_hooks.rendering import ping
from outbound_hooks.sender import Answer

SECONDS = 5.0


def is_pinging(customer_id: int) -> bool:
    """Tell whether a ping of a customer waits for its answer: each holds one of our own threads."""
    pings = Delivery.objects.filter(customer=customer_id, kind="ping", is_taken=True)
    return pings.filter(next_attempt_at__gt=database_now()).exists()


def pinged(endpoint: Endpoint) -> tuple[str, Answer]:
    """Send a ping and return its message id and what came of it; it is not tried again."""
    claimed = deliveries.put_taken(endpoint.pk, endpoint.customer_id, ping(database_now()))
    answer = sent(claimed, deadline=SECONDS)
    end, reason = ("delivered", "") if answer.is_success else ("dead", "A ping is tried once.")
    deliveries.complete([Completed(claimed, answer, end, reason, timedelta(0))])
    return claimed.message_id, answer
