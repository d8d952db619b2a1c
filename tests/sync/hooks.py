"""Deliveries as a shop sends them, through the real door or past it."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import orjson
from django.db import connection
from django.test import Client

from catalog_mirror.models import Source
from demo.storefront.hooks import Message, Target
from demo.storefront.storefront import Storefront
from sync import events
from sync.following import follow
from sync.models import InboundEvent

SECRET = "the shop's own"
PENDING, DONE, DEAD = InboundEvent.Status


def signature(body: bytes, secret: str = SECRET) -> str:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def signed(
    body: bytes, *, topic: str = "product.updated", secret: str = SECRET, **more: str
) -> dict[str, str]:
    """The headers of a delivery, by their names on the wire."""
    return {
        "Content-Type": "application/json",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Delivery-ID": "a0dec46f0ac042368a8436f37c3051da",
        "X-WC-Webhook-Signature": signature(body, secret),
    } | more


def post(slug: str, body: bytes, headers: dict[str, str]) -> Any:
    """Call the door, with the web's own middleware before it."""
    kind = headers.get("Content-Type", "application/json")
    return Client().post(f"/hooks/{slug}/", body, content_type=kind, headers=headers)


def deliver(slug: str, body: object, *, topic: str = "product.updated") -> Any:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return post(slug, raw, signed(raw, topic=topic))


def hooked(front: Storefront) -> None:
    """Have a shop queue what its edits tell; nothing is sent by itself."""
    front.hooks.target = Target("http://nowhere.invalid/", SECRET, "http://shop.invalid")


def told(front: Storefront) -> list[Message]:
    return [message for _, message in front.hooks.messages()]


def send(slug: str, messages: list[Message]) -> list[int]:
    return [post(slug, each.body, each.headers).status_code for each in messages]


def follow_all() -> None:
    """Follow what is due, as the worker would, until nothing is."""
    for source in Source.objects.order_by("pk"):
        while follow(source):
            continue


def statuses() -> list[str]:
    return list(InboundEvent.objects.order_by("pk").values_list("status", flat=True))


def make_due() -> None:
    """End every wait and every lease."""
    with connection.cursor() as cursor:
        cursor.execute("update sync_inboundevent set next_attempt_at = clock_timestamp()")


def stored(source: Source, *bodies: object, topic: str = "product.updated") -> Iterator[int]:
    """Keep events past the door."""
    for body in bodies:
        delivery = events.Delivery(topic=topic, delivery_id="", body=orjson.dumps(body))
        assert events.store(source.pk, delivery, correlation_id="0" * 32)
    yield from InboundEvent.objects.order_by("pk").values_list("pk", flat=True)
