"""The shapes of /v1/webhooks for its document; answers are not made of these, tests hold them to it."""

from typing import Any

from rest_framework import serializers

from outbound_hooks.models import FACETS, Delivery


class _Shape(serializers.Serializer[Any]):
    """A shape that is described, never filled."""


class WebhookWanted(_Shape):
    url = serializers.CharField(help_text="https, to a public address, on port 443.")
    facets = serializers.ListField(
        child=serializers.ChoiceField(FACETS),
        required=False,
        help_text="What to hear of; what appears and goes is told in any case. All, unless given.",
    )
    description = serializers.CharField(required=False, max_length=200)
    signs_body = serializers.BooleanField(
        required=False, help_text="Whether `X-Signature: sha256=...` over the body is sent too."
    )


class WebhookChange(_Shape):
    url = serializers.CharField(required=False)
    facets = serializers.ListField(child=serializers.ChoiceField(FACETS), required=False)
    description = serializers.CharField(required=False, max_length=200)
    signs_body = serializers.BooleanField(required=False)


class Webhook(_Shape):
    id = serializers.CharField()
    url = serializers.CharField()
    description = serializers.CharField()
    facets = serializers.ListField(child=serializers.CharField())
    signs_body = serializers.BooleanField()
    is_enabled = serializers.BooleanField()
    disabled_at = serializers.DateTimeField(allow_null=True)
    disabled_reason = serializers.CharField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    old_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then the secret before the last rotation signs too."
    )
    created_at = serializers.DateTimeField()


class WebhookMade(Webhook):
    secret = serializers.CharField(help_text="Shown this once. Keep it.")


class WebhookSecret(_Shape):
    secret = serializers.CharField(help_text="Shown this once. Keep it.")
    old_secret_until = serializers.DateTimeField()


class WebhookList(_Shape):
    data = Webhook(many=True)  # type: ignore[assignment]


class WebhookPing(_Shape):
    id = serializers.CharField(help_text="`webhook-id` of the message.")
    status = serializers.IntegerField(allow_null=True, help_text="What your receiver answered.")
    error = serializers.CharField(allow_null=True, help_text="Why there was no good answer.")
    answer = serializers.CharField(help_text="The first 2 KiB of what it said.")
    milliseconds = serializers.FloatField()


class WebhookAttempt(_Shape):
    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    milliseconds = serializers.FloatField(allow_null=True)
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    answer = serializers.CharField()


class WebhookDelivery(_Shape):
    id = serializers.CharField(help_text="`webhook-id` of the message.")
    type = serializers.CharField()
    status = serializers.ChoiceField(Delivery.Status.values)
    reason = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    revision = serializers.IntegerField(allow_null=True)
    attempts = WebhookAttempt(many=True)


class WebhookDeliveryList(_Shape):
    data = WebhookDelivery(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()
    next_cursor = serializers.CharField(allow_null=True)


class ReplayWanted(_Shape):
    delivery = serializers.CharField(required=False, help_text="One delivery's id, or:")
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    status = serializers.ListField(
        child=serializers.ChoiceField(["delivered", "dead", "cancelled"]),
        required=False,
        help_text="Dead letters, unless given.",
    )


class Replayed(_Shape):
    deliveries = serializers.IntegerField(help_text="How many were told once more.")
    messages = serializers.IntegerField(help_text="In how many new messages.")
