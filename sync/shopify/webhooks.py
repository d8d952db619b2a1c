"""Which webhooks a Shopify shop needs, and what those that it has lack; pure."""

from collections.abc import Sequence
from typing import Any

TOPICS = (
    "PRODUCTS_CREATE",
    "PRODUCTS_UPDATE",
    "PRODUCTS_DELETE",
    "INVENTORY_ITEMS_UPDATE",
    "INVENTORY_LEVELS_CONNECT",
    "INVENTORY_LEVELS_UPDATE",
    "INVENTORY_LEVELS_DISCONNECT",
    "COLLECTIONS_CREATE",
    "COLLECTIONS_UPDATE",
    "COLLECTIONS_DELETE",
    "LOCATIONS_CREATE",
    "LOCATIONS_UPDATE",
    "LOCATIONS_ACTIVATE",
    "LOCATIONS_DEACTIVATE",
    "LOCATIONS_DELETE",
    "APP_UNINSTALLED",
)


def problems_of(webhooks: Sequence[dict[str, Any]], url: str) -> list[str]:
    """Return a sentence for each topic of which `url` does not hear."""
    return [problem for topic in TOPICS if (problem := _problem(webhooks, topic, url))]


def _problem(webhooks: Sequence[dict[str, Any]], topic: str, url: str) -> str | None:
    of_topic = [each for each in webhooks if each.get("topic") == topic]
    ours = [each for each in of_topic if each.get("uri") == url]
    if any(each.get("format") == "JSON" for each in ours):
        return None
    if ours:
        return f"The webhook for {topic} sends {ours[0].get('format')}: it should be JSON."
    if of_topic:
        there = str(of_topic[0].get("uri"))[:200]
        return f"The webhook for {topic} delivers to {there}: it should be {url}."
    return f"There is no webhook for {topic}: subscribe to it."


def subscribing(url: str) -> str:
    """Return the document by which the shop's owner subscribes to all topics; it is never sent by us."""
    lines = [
        f"  {topic.lower()}: webhookSubscriptionCreate(topic: {topic}, webhookSubscription: "
        f'{{uri: "{url}", format: JSON}}) {{ userErrors {{ message }} }}'
        for topic in TOPICS
    ]
    return "\n".join(["mutation {", *lines, "}"])
