"""A shop that is mirrored, and a partner whose receiver hears of it."""

import pytest

from tests.factories import CustomerFactory, allow, with_terms
from tests.outbound_hooks.conftest import receiver, registered
from tests.sync.conftest import connected, shop

__all__ = ["connected", "receiver", "registered", "shop"]


@pytest.fixture
def partner(shop, receiver, settings):
    """Alice sees all of the shop, and her endpoint hears of it."""
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    alice = with_terms(CustomerFactory(slug="alice"))
    allow(customer=alice)
    registered(alice, receiver.url)
    return alice
