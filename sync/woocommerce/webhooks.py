"""Which webhooks a WooCommerce shop needs, and what those that it has lack."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sync.http import ShopAnswersNonsense
from sync.woocommerce.client import Client, NoSuchThing
from sync.woocommerce.reading import Reader

WEBHOOKS = "/wc/v3/webhooks"
TOPICS = ("product.created", "product.updated", "product.deleted", "product.restored")
_ACTIVE = "active"


@dataclass(frozen=True)
class Webhook:
    """As its shop lists it; the secret is never told."""

    id: int
    topic: str
    url: str
    status: str


def webhooks_of(client: Client, reader: Reader) -> list[Webhook]:
    """Return the webhooks that the shop has; raise `ShopError`."""
    fields = "id,topic,delivery_url,status"
    try:
        found = reader.pages(WEBHOOKS, orderby="id", order="asc", _fields=fields)
        return [_webhook(each) for each in found]
    except (NoSuchThing, KeyError) as error:
        raise ShopAnswersNonsense(
            f"The shop at {client.base_url} does not list its webhooks. Look at them in its settings."
        ) from error


def _webhook(listed: dict[str, Any]) -> Webhook:
    return Webhook(listed["id"], listed["topic"], listed["delivery_url"], listed["status"])


def problems_of(webhooks: Sequence[Webhook], url: str) -> list[str]:
    """Return a sentence for each topic of which `url` does not hear; pure."""
    return [problem for topic in TOPICS if (problem := _problem(webhooks, topic, url))]


def _problem(webhooks: Sequence[Webhook], topic: str, url: str) -> str | None:
    of_topic = [each for each in webhooks if each.topic == topic]
    ours = [each for each in of_topic if each.url.strip() == url]
    if any(each.status == _ACTIVE for each in ours):
        return None
    if ours:
        return f"Webhook {ours[0].id} for {topic} is {ours[0].status}: set it to active."
    elsewhere = [each for each in of_topic if each.status == _ACTIVE]
    if elsewhere:
        told = elsewhere[0]
        return f"Webhook {told.id} for {topic} delivers to {told.url[:200]}: it should be {url}."
    return f"There is no webhook for {topic}: add one."
