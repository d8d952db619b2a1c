"""Renders records as WooCommerce's REST bodies, keys in the recorded order."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from demo.catalogue.records import Attribute, Catalogue, Product, Term
from demo.storefront.money import shown_sale_price
from demo.storefront.shown import HOME, Shown

Body = dict[str, Any]
ESCAPED_HOME = HOME.replace("/", "\\/").encode()
REST = f"{HOME}/wp-json/wc/v3"
WRITABLE = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def encoded(body: object) -> bytes:
    """Return `body` as PHP's `json_encode` writes it: ASCII, slashes escaped."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def dates(name: str, at: datetime | None, zone: ZoneInfo) -> Body:
    """Return the shop-local and the GMT form of `at`, neither with an offset."""
    local = at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S") if at else None
    return {name: local, f"{name}_gmt": at.strftime("%Y-%m-%dT%H:%M:%S") if at else None}


class Bodies:
    """Renders the records of one catalogue."""

    def __init__(self, catalogue: Catalogue, zone: ZoneInfo) -> None:
        self._catalogue = catalogue
        self._zone = zone
        self.shown = Shown(catalogue)

    def product(self, product: Product) -> Body:
        """Return the body of `/products/<id>`, which also answers for variations."""
        return {
            **self._identity(product),
            **self._money(product),
            **self._nature(product),
            **self._stock(product),
            **self._shipping(product),
            **self._relations(product),
            "price_html": self.shown.price_html(product),
            "related_ids": list(product.related_ids),
            "meta_data": [{"id": m.id, "key": m.key, "value": m.value} for m in product.meta],
            "stock_status": self.shown.stock_status(product),
            "has_options": product.type in {"variable", "grouped"},
            "post_password": product.password,
            "global_unique_id": product.gtin,
            "_links": _links(f"{REST}/products", product.id, up=_product_url(product.parent_id)),
        }

    def variation(self, product: Product) -> Body:
        """Return the body of `/products/<id>/variations/<id>`."""
        money = self._money(product)
        # The date comes last in the price block of a product, `status` and more follow here.
        purchasable = {"purchasable": money.pop("purchasable")}
        money.pop("total_sales")
        stock = self._stock(product)
        return {
            "id": product.id,
            "type": "variation",
            **dates("date_created", product.created_at, self._zone),
            **dates("date_modified", product.modified_at, self._zone),
            "description": product.description,
            "permalink": self.shown.permalink(product),
            "sku": money.pop("sku"),
            "global_unique_id": product.gtin,
            **money,
            "status": product.status,
            **purchasable,
            **_DOWNLOADS,
            "tax_status": product.tax_status,
            "tax_class": product.tax_class,
            "manage_stock": stock["manage_stock"],
            "stock_quantity": stock["stock_quantity"],
            "stock_status": self.shown.stock_status(product),
            **{k: stock[k] for k in list(stock)[2:-1]},
            "weight": product.weight,
            "dimensions": _dimensions(product),
            "shipping_class": "",
            "shipping_class_id": 0,
            "image": next(iter(self._images(product)), None),
            "attributes": _attributes(product),
            "menu_order": product.menu_order,
            "meta_data": [{"id": m.id, "key": m.key, "value": m.value} for m in product.meta],
            "name": product.name,
            "parent_id": product.parent_id,
            "_links": _links(
                f"{_product_url(product.parent_id)}/variations",
                product.id,
                up=_product_url(product.parent_id),
            ),
        }

    def _identity(self, product: Product) -> Body:
        return {
            "id": product.id,
            "name": self.shown.name(product),
            "slug": product.slug,
            "permalink": self.shown.permalink(product),
            **dates("date_created", product.created_at, self._zone),
            **dates("date_modified", product.modified_at, self._zone),
            "type": product.type,
            "status": product.status,
            "featured": product.is_featured,
            "catalog_visibility": product.visibility,
            "description": product.description,
            "short_description": product.short_description,
        }

    def _money(self, product: Product) -> Body:
        price = self.shown.price(product)
        return {
            "sku": self.shown.sku(product),
            "price": price,
            "regular_price": product.regular_price,
            "sale_price": shown_sale_price(product),
            **dates("date_on_sale_from", product.sale_from_at, self._zone),
            **dates("date_on_sale_to", product.sale_to_at, self._zone),
            "on_sale": self.shown.is_on_sale(product),
            "purchasable": self.shown.is_purchasable(product, price),
            # A variation's is a string (recorded).
            "total_sales": str(product.total_sales)
            if product.is_variation
            else product.total_sales,
        }

    def _nature(self, product: Product) -> Body:
        return {
            **_DOWNLOADS,
            "external_url": product.external_url,
            "button_text": product.button_text,
            "tax_status": product.tax_status,
            "tax_class": product.tax_class,
        }

    def _stock(self, product: Product) -> Body:
        backorders = self.shown.stock_holder(product).backorders
        quantity = self.shown.quantity(product)
        return {
            "manage_stock": product.manages_stock,
            "stock_quantity": quantity,
            "backorders": backorders,
            "backorders_allowed": backorders != "no",
            "backordered": quantity is not None and quantity < 0 and backorders != "no",
            "low_stock_amount": None,
            "sold_individually": False,
        }

    def _shipping(self, product: Product) -> Body:
        return {
            "weight": product.weight,
            "dimensions": _dimensions(product),
            "shipping_required": True,
            "shipping_taxable": True,
            "shipping_class": "",
            "shipping_class_id": 0,
            "reviews_allowed": not product.is_variation,
            "average_rating": "0.00",
            "rating_count": 0,
        }

    def _relations(self, product: Product) -> Body:
        own = self._catalogue
        return {
            "upsell_ids": [],
            "cross_sell_ids": [],
            "parent_id": product.parent_id,
            "purchase_note": "",
            "categories": [_term(own.categories[i]) for i in product.category_ids],
            "brands": [_term(own.brands[i]) for i in product.brand_ids],
            "tags": [],
            "images": self._images(product),
            "attributes": _attributes(product),
            "default_attributes": [],
            "variations": [v.id for v in self.shown.variations(product)],
            "grouped_products": list(product.grouped_ids),
            "menu_order": product.menu_order,
        }

    def _images(self, product: Product) -> list[Body]:
        images = (self._catalogue.images[i] for i in product.image_ids)
        return [
            {
                "id": image.id,
                **dates("date_created", image.at, self._zone),
                **dates("date_modified", image.at, self._zone),
                "src": f"{HOME}/wp-content/uploads/{image.file}",
                "name": image.name,
                "alt": "",
            }
            for image in images
        ]

    def term(self, term: Term, kind: str, *, count: int) -> Body:
        """Return the body of a category or a brand (`kind` as in the address)."""
        up = f"{REST}/products/{kind}/{term.parent_id}" if term.parent_id else ""
        return {
            **_term(term),
            "parent": term.parent_id,
            "description": "",
            "display": "default",
            "image": None,
            "menu_order": 0,
            "count": count,
            "_links": _links(f"{REST}/products/{kind}", term.id, up=up),
        }


_DOWNLOADS: Body = {
    "virtual": False,
    "downloadable": False,
    "downloads": [],
    "download_limit": -1,
    "download_expiry": -1,
}


def _product_url(product_id: int) -> str:
    return f"{REST}/products/{product_id}" if product_id else ""


def _links(collection: str, record_id: int, *, up: str) -> Body:
    links: Body = {
        "self": [{"href": f"{collection}/{record_id}", "targetHints": {"allow": WRITABLE}}],
        "collection": [{"href": collection}],
    }
    return {**links, "up": [{"href": up}]} if up else links


def _term(term: Term) -> Body:
    return {"id": term.id, "name": term.name, "slug": term.slug}


def _dimensions(product: Product) -> Body:
    return dict(zip(("length", "width", "height"), product.dimensions, strict=True))


def _attributes(product: Product) -> list[Body]:
    """Return what a product offers or what a variation chose; "any" is not mentioned (recorded)."""
    if product.is_variation:
        return [
            {"id": a.id, "name": a.name, "slug": a.slug, "option": o} for a, o in product.options
        ]
    return [_offered(attribute, at) for at, attribute in enumerate(product.attributes)]


def _offered(attribute: Attribute, position: int) -> Body:
    return {
        "id": attribute.id,
        "name": attribute.name,
        "slug": attribute.slug,
        "position": position,
        "visible": True,
        "variation": attribute.makes_variations,
        "options": list(attribute.options),
    }
