"""What a shop's owner types into WooCommerce's webhook form; we never write it there."""

from sync.woocommerce.webhooks import TOPICS

_ACTIONS = {
    "product.created": "Product created",
    "product.updated": "Product updated",
    "product.deleted": "Product deleted",
    "product.restored": "Product restored",
}


def lines_to_paste(url: str, secret: str = "") -> list[str]:
    """Return the form's fields, one webhook for each topic; without a secret, what stands for it."""
    return [
        "In the shop, under WooCommerce > Settings > Advanced > Webhooks, add one webhook each for:",
        *(f"  {_ACTIONS[topic]} ({topic})" for topic in TOPICS),
        "with",
        "  Status        Active",
        f"  Delivery URL  {url}",
        f"  Secret        {secret or '(the one that this source was given)'}",
        "  API version   WP REST API Integration v3",
    ]
