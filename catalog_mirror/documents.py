"""What a record says, written down: the partner's document, and a hash a facet."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from catalog_mirror.models import Source
from catalog_mirror.records import Content, Price, ProductRecord, Stock, VariantRecord
from catalog_mirror.taxonomy import Tree


@dataclass(frozen=True, kw_only=True)
class Desired:
    """A variant as its record wants it, with a hash for each facet that was read."""

    product: ProductRecord
    record: VariantRecord
    sku: str
    document: str
    content_hash: bytes
    price_hash: bytes
    stock_hash: bytes

    @property
    def external_id(self) -> str:
        return self.record.external_id


def desired(source: Source, product: ProductRecord, record: VariantRecord, tree: Tree) -> Desired:
    """Return what the mirror should hold for `record`; pure."""
    content = record.content
    sku = f"{source.sku_prefix}{content.sku}" if content else ""
    document = _document(source, product, content, sku, tree) if content else b""
    return Desired(
        product=product,
        record=record,
        sku=sku,
        document=document.decode(),
        content_hash=_content_hash(product, content, document, tree) if content else b"",
        price_hash=price_hash(source, record.price) if record.price else b"",
        stock_hash=_digest(_stock_says(record.stock)) if record.stock else b"",
    )


def _document(
    source: Source, product: ProductRecord, content: Content, sku: str, tree: Tree
) -> bytes:
    return orjson.dumps(
        {
            "sku": sku,
            "name": content.name,
            "source": source.slug,
            "product": {"code": product.code, "name": product.name, "url": product.url},
            "brand": product.brand and {"slug": product.brand.slug, "name": product.brand.name},
            "categories": [
                {"slug": node.slug, "name": node.name, "path": node.path}
                for node in tree.nodes(product.category_external_ids)
            ],
            "options": content.options,
            "attributes": content.attributes,
            "description": content.description,
            "images": content.images,
            "gtin": content.gtin,
            "weight": content.weight,
            "dimensions": content.dimensions,
        }
    )


def _content_hash(product: ProductRecord, content: Content, document: bytes, tree: Tree) -> bytes:
    brand = product.brand.external_id if product.brand else None
    closure = tree.closure(product.category_external_ids)
    gate = [product.external_id, brand, closure, content.is_published]
    return _digest(orjson.dumps(gate) + document)


def price_hash(source: Source, price: Price) -> bytes:
    says = [price.list_price, price.sale_price, source.currency, source.prices_include_tax]
    return _digest(orjson.dumps(says, default=_plain))


def _stock_says(stock: Stock) -> bytes:
    return orjson.dumps([stock.status, sorted(stock.levels, key=lambda level: level.location)])


def _plain(value: Any) -> str:
    return f"{value:.4f}"  # so that 10 and 10.00 are one price


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).digest()
