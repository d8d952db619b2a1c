"""An endpoint of Alice's, and the receiver behind it."""

import pytest

from contract.delta import latest_page
from contract.snapshots import snapshot_for
from outbound_hooks import endpoints
from outbound_hooks.models import FACETS
from tests.factories import cast
from tests.outbound_hooks.receivers import receiving


@pytest.fixture
def people(database, settings):
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    return cast()


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


def registered(customer, url: str, *, facets=FACETS, **says):
    """Register as a partner does: the feed starts at the present. Return the endpoint and its secret."""
    with snapshot_for(customer.pk) as snapshot:
        cursor = latest_page(snapshot, tuple(facets)).cursor
    return endpoints.add(customer.pk, url=url, actor="ann", cursor=cursor, facets=facets, **says)


@pytest.fixture
def endpoint(people, receiver):
    return registered(people.alice, receiver.url)[0]
