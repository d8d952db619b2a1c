"""Signatures as Standard Webhooks has them, and a plain one over the body."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from outbound_hooks.signing import new_secret, signed_headers

bodies = st.dictionaries(st.text(max_size=8), st.text(max_size=30), max_size=4).map(
    lambda said: json.dumps(said).encode()
)


def test_the_vector_of_the_standard_comes_out():
    """The example of its specification."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        [secret],
        at=1614265330,
        signs_body=False,
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(bodies)
def test_the_official_verifier_accepts_it_with_the_new_and_the_old_secret(body):
    new, old = new_secret(), new_secret()
    at = int(datetime.now(UTC).timestamp())
    headers = signed_headers("msg_1", body, [new, old], at=at, signs_body=False)
    for secret in (new, old):
        assert Webhook(secret).verify(body, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body + b" ", headers)


@given(bodies)
def test_the_plain_signature_is_over_the_body_with_the_secret_as_it_was_shown(body):
    new, old = new_secret(), new_secret()
    headers = signed_headers("msg_1", body, [new, old], at=1, signs_body=True)
    for name, secret in (("X-Signature", new), ("X-Signature-Previous", old)):
        expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        assert headers[name] == f"sha256={expected}"


def test_every_secret_is_another():
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(each.startswith("whsec_") and len(each) == 50 for each in secrets)
