"""Promise: of twenty receivers, one that hangs or drips slows the others by no more than twice."""

import threading
from statistics import quantiles

import pytest

from outbound_hooks import deliveries
from outbound_hooks.deliveries import Message
from outbound_hooks.delivering import Deliverer
from outbound_hooks.models import Delivery
from tests.factories import CustomerFactory, allow, with_terms
from tests.outbound_hooks.conftest import registered
from tests.outbound_hooks.receivers import Receiver, receiving
from tests.promises.processes import wait_for

HEALTHY = 19
EACH = 20  # messages an endpoint


@pytest.fixture
def customers(database, settings):
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    allow()
    made = [CustomerFactory(slug=f"customer-{number}") for number in range(HEALTHY + 1)]
    for customer in made:
        with_terms(customer)
    return made


def latency_of(endpoints: list) -> float:
    """Deliver to all; return the 95th percentile, in seconds, from the row to its end."""
    for endpoint in endpoints:
        message = Message("ping", '{"type":"ping","data":{}}')
        deliveries.put(
            endpoint.pk, endpoint.customer_id, [message] * EACH, revision=1, correlation="cause-01"
        )
    mine = Delivery.objects.filter(endpoint__in=endpoints[:HEALTHY])
    wait_for(lambda: not mine.filter(status="pending").exists())
    spent = [(each.ended_at - each.created_at).total_seconds() for each in mine]
    mine.delete()
    return quantiles(spent, n=20)[-1]


@pytest.mark.parametrize("behaviour", ["hangs", "drips"])
def test_healthy_receivers_wait_no_more_than_twice_as_long(customers, behaviour, record_property):
    over = threading.Event()

    def bad(_):
        over.wait(60)
        return 200, {}, b""

    def drips(_):
        return 200, {"Content-Length": "100000"}, b"x"

    with receiving() as good, receiving(Receiver(bad if behaviour == "hangs" else drips)) as other:
        endpoints = [
            registered(customer, f"{good.url}/{number}")[0]
            for number, customer in enumerate(customers[:HEALTHY])
        ]
        deliverer = Deliverer(senders=32)
        running = threading.Thread(target=deliverer.run)
        running.start()
        try:
            latency_of(endpoints)  # connections are opened
            alone = latency_of(endpoints)
            endpoints.append(registered(customers[HEALTHY], other.url)[0])
            beside = latency_of(endpoints)
        finally:
            over.set()
            deliverer.stop()
            running.join(60)
        record_property(
            f"p95 of 19, ms, alone / beside one that {behaviour}",
            f"{alone * 1000:.0f} / {beside * 1000:.0f}",
        )
        assert beside <= 2 * alone + 0.1
        assert not running.is_alive()
