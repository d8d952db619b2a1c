"""What a shop tells of itself: index, currency, tax setting, versions, totals."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from demo.catalogue.records import AS_OF
from demo.shops import Shop
from demo.storefront.bodies import REST
from demo.storefront.shown import HOME
from demo.storefront.store import Store

Body = dict[str, Any]
WOOCOMMERCE, WORDPRESS = "9.9.5", "6.9"  # the versions whose behavior was recorded
TAX_SETTING = "woocommerce_prices_include_tax"
TYPES: Final = {
    "external": "External/Affiliate product",
    "grouped": "Grouped product",
    "simple": "Simple product",
    "variable": "Variable product",
}


def index(shop: Shop, zone: ZoneInfo, at: datetime = AS_OF) -> Body:
    """Return WordPress's index, which needs no key and tells the shop's time zone."""
    offset = at.astimezone(zone).utcoffset()
    hours = offset.total_seconds() / 3600 if offset else 0
    return {
        "name": shop.name.replace("&", "&amp;"),
        "description": "",
        "url": HOME,
        "home": HOME,
        "gmt_offset": int(hours) if hours == int(hours) else hours,
        "timezone_string": shop.time_zone,
        "namespaces": ["wp/v2", "wc/v3", *(["wc-analytics"] if shop.lists_all_variations else [])],
        "authentication": [],
        "routes": {path: {"methods": ["GET"]} for path in _paths(shop)},
    }


def _paths(shop: Shop) -> list[str]:
    return [
        "/wc/v3/products",
        "/wc/v3/products/(?P<id>[\\d]+)",
        "/wc/v3/products/(?P<product_id>[\\d]+)/variations",
        *filter(None, [all_variations(shop)]),
        "/wc/v3/webhooks",
        *(f"/wc/v3{path}" for path in ABOUT),
    ]


def all_variations(shop: Shop) -> str | None:
    """Return the address of the shop's list of all variations: WooCommerce's own from 10.3 on."""
    if not shop.lists_all_variations:
        return None
    return "/wc/v3/variations" if shop.is_from_10_3 else "/wc-analytics/variations"


def _namespace(shop: Shop, _store: Store) -> Body:
    routes = {path: {"namespace": "wc/v3", "methods": ["GET"]} for path in _paths(shop)}
    return {"namespace": "wc/v3", "routes": routes}


def _currency(shop: Shop, _store: Store) -> Body:
    return {
        "code": shop.currency,
        "name": "United States (US) dollar",
        "symbol": "&#36;",
        "_links": {
            "self": [
                {
                    "href": f"{REST}/data/currencies/{shop.currency}",
                    "targetHints": {"allow": ["GET"]},
                }
            ],
            "collection": [{"href": f"{REST}/data/currencies"}],
        },
    }


def _prices_include_tax(shop: Shop, _store: Store) -> Body:
    return {
        "id": TAX_SETTING,
        "label": "Prices entered with tax",
        "description": "",
        "type": "radio",
        "default": "no",
        "options": {
            "yes": "Yes, I will enter prices inclusive of tax",
            "no": "No, I will enter prices exclusive of tax",
        },
        "tip": "This option is important as it will affect how you input prices.",
        "value": "yes" if shop.prices_include_tax else "no",
        "_links": {
            "self": [{"href": f"{REST}/settings/tax/{TAX_SETTING}"}],
            "collection": [{"href": f"{REST}/settings/tax"}],
        },
    }


def _system_status(shop: Shop, _store: Store) -> Body:
    version = "10.3.0" if shop.is_from_10_3 else WOOCOMMERCE
    versions = {"version": version, "wp_version": WORDPRESS}
    return {
        "environment": {"home_url": HOME, "site_url": HOME, **versions},
        "settings": {
            "currency": shop.currency,
            "currency_symbol": "&#36;",
            "number_of_decimals": 2,
        },
    }


def _product_settings(_shop: Shop, _store: Store) -> list[Body]:
    """Tell what the shop measures in; of the settings of products nothing else is asked for."""
    units = (("woocommerce_weight_unit", "kg"), ("woocommerce_dimension_unit", "cm"))
    return [{"id": name, "type": "select", "default": unit, "value": unit} for name, unit in units]


def _totals(_shop: Shop, store: Store) -> list[Body]:
    """Count the published products of each type (recorded: drafts are left out)."""
    records = store.catalogue.products.values()
    counts = Counter(p.type for p in records if p.status == "publish")
    return [{"slug": slug, "name": name, "total": counts[slug]} for slug, name in TYPES.items()]


ABOUT: Final[Mapping[str, Callable[[Shop, Store], Any]]] = {
    "": _namespace,
    "/data/currencies/current": _currency,
    f"/settings/tax/{TAX_SETTING}": _prices_include_tax,
    "/settings/products": _product_settings,
    "/system_status": _system_status,
    "/reports/products/totals": _totals,
}
