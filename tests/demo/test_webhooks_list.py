"""A shop lists its webhooks as recorded from WooCommerce 9.9.5 on WordPress 6.9: all but the secret."""

from demo.storefront.webhooks import TOPICS

# A webhook as the shop told it, its addresses and dates aside.
RECORDED = {
    "id": 2,
    "name": "product.updated",
    "status": "active",
    "topic": "product.updated",
    "resource": "product",
    "event": "updated",
    "hooks": [
        "woocommerce_process_product_meta",
        "woocommerce_update_product",
        "woocommerce_update_product_variation",
    ],
    "delivery_url": "https://tc.example/hooks/small-1/",
    "date_modified": None,
    "date_modified_gmt": None,
}
KEYS = (
    "id", "name", "status", "topic", "resource", "event", "hooks", "delivery_url", "date_created",
    "date_created_gmt", "date_modified", "date_modified_gmt", "_links",
)  # fmt: skip


def test_a_webhook_is_listed_as_recorded_and_without_its_secret(client, storefront):
    storefront.webhooks.add_all("https://tc.example/hooks/small-1/", "s3cret-of-the-owner")
    answer = client.rest("/webhooks")
    listed = answer.json()
    assert [each["topic"] for each in listed] == list(TOPICS)
    assert tuple(listed[1]) == KEYS
    assert {name: listed[1][name] for name in RECORDED} == RECORDED
    assert "s3cret-of-the-owner" not in answer.text
    assert answer.headers["X-WP-Total"] == "4"


def test_a_new_shop_has_none_and_a_stranger_is_told_nothing(client, storefront):
    assert client.rest("/webhooks").json() == []
    client.auth = None
    assert client.rest("/webhooks").status_code == 401


def test_pages_and_fields_work_as_elsewhere(client, storefront):
    for number in range(12):
        storefront.webhooks.add("product.updated", f"https://erp.example/{number}")
    second = client.rest("/webhooks", page=2, per_page=10, _fields="id,status").json()
    assert second == [{"id": 11, "status": "active"}, {"id": 12, "status": "active"}]
