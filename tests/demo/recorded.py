"""What a real shop answered: recorded from WooCommerce 9.9.5 on WordPress 6.9."""

PRODUCT_KEYS = (  # noqa: SIM905
    "id name slug permalink date_created date_created_gmt date_modified date_modified_gmt "
    "type status featured catalog_visibility description short_description sku price "
    "regular_price sale_price date_on_sale_from date_on_sale_from_gmt date_on_sale_to "
    "date_on_sale_to_gmt on_sale purchasable total_sales virtual downloadable downloads "
    "download_limit download_expiry external_url button_text tax_status tax_class "
    "manage_stock stock_quantity backorders backorders_allowed backordered low_stock_amount "
    "sold_individually weight dimensions shipping_required shipping_taxable shipping_class "
    "shipping_class_id reviews_allowed average_rating rating_count upsell_ids cross_sell_ids "
    "parent_id purchase_note categories brands tags images attributes default_attributes "
    "variations grouped_products menu_order price_html related_ids meta_data stock_status "
    "has_options post_password global_unique_id _links"
).split()
VARIATION_KEYS = (  # noqa: SIM905
    "id type date_created date_created_gmt date_modified date_modified_gmt description "
    "permalink sku global_unique_id price regular_price sale_price date_on_sale_from "
    "date_on_sale_from_gmt date_on_sale_to date_on_sale_to_gmt on_sale status purchasable "
    "virtual downloadable downloads download_limit download_expiry tax_status tax_class "
    "manage_stock stock_quantity stock_status backorders backorders_allowed backordered "
    "low_stock_amount weight dimensions shipping_class shipping_class_id image attributes "
    "menu_order meta_data name parent_id _links"
).split()
IMAGE_KEYS = "id date_created date_created_gmt date_modified date_modified_gmt src name alt".split()  # noqa: SIM905
TERM_KEYS = "id name slug parent description display image menu_order count _links".split()  # noqa: SIM905

# How a simple product of 10.00 was written, currency sign aside.
PRICE_HTML = (
    '<span class="woocommerce-Price-amount amount"><bdi>'
    '<span class="woocommerce-Price-currencySymbol">&#36;</span>10.00</bdi></span>'
)


def _invalid(name: str, code: str, message: str) -> dict[str, object]:
    return {
        "code": "rest_invalid_param",
        "message": f"Invalid parameter(s): {name}",
        "data": {
            "status": 400,
            "params": {name: message},
            "details": {name: {"code": code, "message": message, "data": None}},
        },
    }


_BOUNDS = "per_page must be between 1 (inclusive) and 100 (inclusive)"
_STATUSES = "status is not one of any, future, trash, draft, pending, private, and publish."
# Query, then the body of the 400 it earned.
REFUSED_QUERIES = {
    "page=0": _invalid("page", "rest_out_of_bounds", "page must be greater than or equal to 1"),
    "per_page=101": _invalid("per_page", "rest_out_of_bounds", _BOUNDS),
    "per_page=-1": _invalid("per_page", "rest_out_of_bounds", _BOUNDS),
    "modified_after=yesterday": _invalid("modified_after", "rest_invalid_date", "Invalid date."),
    "status=publish%2Cdraft": _invalid("status", "rest_not_in_enum", _STATUSES),
    "status=auto-draft": _invalid("status", "rest_not_in_enum", _STATUSES),
    "type=variation": _invalid(
        "type",
        "rest_not_in_enum",
        "type is not one of simple, grouped, external, and variable.",
    ),
    "stock_status=lots": _invalid(
        "stock_status",
        "rest_not_in_enum",
        "stock_status is not one of instock, outofstock, and onbackorder.",
    ),
    "orderby=sku": _invalid(
        "orderby",
        "rest_not_in_enum",
        "orderby is not one of date, id, include, title, slug, modified, popularity, rating, "
        "post__in, price, sales, menu_order, random, popularity, rating, menu_order, price, "
        "popularity, and rating.",
    ),
}


def error(status: int, code: str, message: str) -> dict[str, object]:
    return {"code": code, "message": message, "data": {"status": status}}


INVALID_ID = error(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
INVALID_VARIATION = error(404, "woocommerce_rest_product_variation_invalid_id", "Invalid ID.")
NO_ROUTE = error(404, "rest_no_route", "No route was found matching the URL and request method.")
CANNOT_LIST = error(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
_AUTH = "woocommerce_rest_authentication_error"
WRONG_SECRET = error(401, _AUTH, "Consumer secret is invalid.")
NO_WRITES = error(401, _AUTH, "The API key provided does not have write permissions.")
WRONG_SIGNATURE = error(401, _AUTH, "Invalid signature - provided signature does not match.")
NONCE_REUSED = error(401, _AUTH, "Invalid nonce - nonce has already been used.")
