"""What a record says, written down: the partner's document, and a hash a facet."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from catalog_mirror.models import Source
from catalog_mirror.records import Content, Price, ProductRecord, Stock, VariantRecord
from catalog_mirror.taxonomy import Tree


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What the variants of a product say alike, written down once."""

    product: ProductRecord
    # The categories with all their ancestors, and the depth of each.
    closure: tuple[list[int], list[int]]
    said: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Desired:
    """A variant as its record wants it, with a hash for each facet that was read."""

    external_id: str
    product: ProductRecord
    record: VariantRecord
    sku: str
    document: str
    closure: tuple[list[int], list[int]]
    content_hash: bytes
    price_hash: bytes
    stock_hash: bytes


def shared(source: Source, product: ProductRecord, tree: Tree) -> Shared:
    """Return what the mirror should hold of `product` with each of its variants; pure."""
    brand = product.brand
    return Shared(
        product=product,
        closure=tree.closure(product.category_external_ids),
        said={
            "source": source.slug,
            "product": {"code": product.code, "name": product.name, "url": product.url},
            "brand": brand and {"slug": brand.slug, "name": brand.name},
            "categories": [
                {"slug": node.slug, "name": node.name, "path": node.path}
                for node in tree.nodes(product.category_external_ids)
            ],
        },
    )


def desired(source: Source, common: Shared, record: VariantRecord) -> Desired:
    """Return what the mirror should hold for `record`; pure."""
    content = record.content
    sku = f"{source.sku_prefix}{content.sku}" if content else ""
    document = _document(common, content, sku) if content else b""
    return Desired(
        external_id=record.external_id,
        product=common.product,
        record=record,
        sku=sku,
        document=document.decode(),
        closure=common.closure,
        content_hash=_content_hash(common, content, document) if content else b"",
        price_hash=price_hash(source, record.price) if record.price else b"",
        stock_hash=_digest(_stock_says(record.stock)) if record.stock else b"",
    )


def _document(common: Shared, content: Content, sku: str) -> bytes:
    return orjson.dumps(
        {
            "sku": sku,
            "name": content.name,
            **common.said,
            "options": content.options,
            "attributes": content.attributes,
            "description": content.description,
            "images": content.images,
            "gtin": content.gtin,
            "weight": content.weight,
            "dimensions": content.dimensions,
        }
    )


def _content_hash(common: Shared, content: Content, document: bytes) -> bytes:
    product = common.product
    brand = product.brand.external_id if product.brand else None
    gate = [product.external_id, brand, common.closure, content.is_published]
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
