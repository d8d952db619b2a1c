"""The webhooks of one shop, in memory, and how its REST API lists them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from demo.catalogue.records import AS_OF
from demo.storefront.bodies import REST, WRITABLE, dates

Body = dict[str, Any]
# Each topic with WordPress's actions that set it off (recorded).
HOOKS: Final = {
    "product.created": [
        "woocommerce_process_product_meta",
        "woocommerce_new_product",
        "woocommerce_new_product_variation",
    ],
    "product.updated": [
        "woocommerce_process_product_meta",
        "woocommerce_update_product",
        "woocommerce_update_product_variation",
    ],
    "product.deleted": ["wp_trash_post"],
    "product.restored": ["untrashed_post"],
}
TOPICS: Final = tuple(HOOKS)


@dataclass
class Webhook:
    """What a shop's owner typed into its form; `status` is active, paused or disabled."""

    id: int
    name: str
    topic: str
    delivery_url: str
    secret: str
    status: str = "active"
    failure_count: int = 0
    created_at: datetime = AS_OF


@dataclass
class Webhooks:
    """The registry, oldest first; a shop starts without any."""

    registered: list[Webhook] = field(default_factory=list)

    def add(self, topic: str, delivery_url: str, secret: str = "") -> Webhook:
        webhook = Webhook(len(self.registered) + 1, topic, topic, delivery_url, secret)
        self.registered.append(webhook)
        return webhook

    def add_all(self, delivery_url: str, secret: str = "") -> None:
        """Add one webhook for each topic, as an owner does who follows the guide."""
        for topic in TOPICS:
            self.add(topic, delivery_url, secret)


def body(webhook: Webhook, zone: ZoneInfo) -> Body:
    """Return what the shop tells of a webhook: never its secret (recorded)."""
    resource, event = webhook.topic.split(".")
    address = f"{REST}/webhooks"
    return {
        "id": webhook.id,
        "name": webhook.name,
        "status": webhook.status,
        "topic": webhook.topic,
        "resource": resource,
        "event": event,
        "hooks": HOOKS[webhook.topic],
        "delivery_url": webhook.delivery_url,
        **dates("date_created", webhook.created_at, zone),
        **dates("date_modified", None, zone),
        "_links": {
            "self": [{"href": f"{address}/{webhook.id}", "targetHints": {"allow": WRITABLE}}],
            "collection": [{"href": address}],
        },
    }
