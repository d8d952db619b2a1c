"""After `reseal_secrets` the newest key alone opens every secret."""

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError

from groundwork.models import AuditEntry
from groundwork.sealing import SealBroken, unseal
from outbound_hooks import endpoints
from outbound_hooks.models import Endpoint
from sync.connections import set_hook_secret
from sync.models import Connection


@pytest.fixture
def secrets(shop, partner, receiver):
    """Two hook secrets, a shop's key, and an endpoint in the midst of its rotation."""
    set_hook_secret(Connection.objects.get().source, "the newer")
    endpoint = Endpoint.objects.get()
    endpoints.rotate(endpoint, actor="ann")
    return opened()


def opened() -> list[str]:
    connection, endpoint = Connection.objects.get(), Endpoint.objects.get()
    return [
        unseal(each)
        for each in (
            connection.credentials,
            connection.hook_secrets,
            endpoint.secret,
            endpoint.previous_secret,
        )
    ]


def test_the_older_keys_may_go(secrets, settings):
    old = settings.SEALING_KEYS
    new = Fernet.generate_key().decode()
    settings.SEALING_KEYS = [new, *old]
    out = StringIO()
    call_command("reseal_secrets", stdout=out)
    assert out.getvalue().startswith(
        "The secrets of 1 sources and 1 endpoints are under the newest key."
    )
    settings.SEALING_KEYS = [new]
    assert opened() == secrets
    settings.SEALING_KEYS = old
    with pytest.raises(SealBroken):
        opened()
    assert AuditEntry.objects.filter(action="reseal_secrets").count() == 1


def test_what_no_key_opens_is_told_and_left_as_it_is(secrets, settings):
    before = Connection.objects.values().get()
    settings.SEALING_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="No key in SEALING_KEYS opens this secret"):
        call_command("reseal_secrets", stdout=StringIO())
    assert Connection.objects.values().get() == before
