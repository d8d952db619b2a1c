"""Every GraphQL document that is sent to Shopify; tests hold them to its schema, version by version."""

VERSIONS = ("2026-01", "2026-04", "2026-07")
# Sizes that keep a document's cost below the 1,000 that one may have; a dearer one is halved.
PRODUCTS_AT_ONCE = 20
VARIANTS_AT_ONCE = 25
ITEMS_AT_ONCE = 50

_PRODUCT = "id handle title vendor status descriptionHtml publishedAt isGiftCard onlineStoreUrl productType"
_VARIANT = """id sku barcode price compareAtPrice inventoryPolicy
    selectedOptions { name value }
    inventoryItem { id tracked measurement { weight { value unit } } }"""
_MEDIA = "id alt ... on MediaImage { image { url } }"
_PAGE = "pageInfo { hasNextPage endCursor }"

SHOP = """query Shop {
  shop { name currencyCode ianaTimezone taxesIncluded }
  productsCount(limit: null) { count }
  currentAppInstallation { accessScopes { handle } }
}"""

COLLECTIONS = f"""query Collections($after: String) {{
  collections(first: 250, after: $after) {{ {_PAGE} nodes {{ id handle title }} }}
}}"""

WEBHOOKS = f"""query Webhooks($after: String) {{
  webhookSubscriptions(first: 250, after: $after) {{ {_PAGE} nodes {{ id topic uri format }} }}
}}"""

RUN = """mutation Run($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: false) {
    bulkOperation { id status }
    userErrors { field message code }
  }
}"""

STATUS = """query Status($id: ID!) {
  node(id: $id) { ... on BulkOperation { id status errorCode objectCount url } }
}"""

BULK_PRODUCTS = f"""{{
  products {{ edges {{ node {{
    {_PRODUCT}
    variants {{ edges {{ node {{ {_VARIANT} }} }} }}
    collections {{ edges {{ node {{ id }} }} }}
    media {{ edges {{ node {{ {_MEDIA} }} }} }}
  }} }} }}
}}"""

PRODUCTS = f"""query Products($ids: [ID!]!) {{
  nodes(ids: $ids) {{ ... on Product {{
    {_PRODUCT}
    variants(first: 100) {{ {_PAGE} nodes {{ id }} }}
    collections(first: 50) {{ {_PAGE} nodes {{ id }} }}
    media(first: 20) {{ {_PAGE} nodes {{ {_MEDIA} }} }}
  }} }}
}}"""

MORE_VARIANTS = f"""query MoreVariants($id: ID!, $after: String) {{
  product(id: $id) {{ variants(first: 250, after: $after) {{ {_PAGE} nodes {{ id }} }} }}
}}"""

MORE_COLLECTIONS = f"""query MoreCollections($id: ID!, $after: String) {{
  product(id: $id) {{ collections(first: 250, after: $after) {{ {_PAGE} nodes {{ id }} }} }}
}}"""

MORE_MEDIA = f"""query MoreMedia($id: ID!, $after: String) {{
  product(id: $id) {{ media(first: 250, after: $after) {{ {_PAGE} nodes {{ {_MEDIA} }} }} }}
}}"""

# The variants of an inventory item, which is all that a delivery of stock names.
ITEMS = """query Items($ids: [ID!]!) {
  nodes(ids: $ids) { ... on InventoryItem {
    id variants(first: 10) { nodes { id product { id } } }
  } }
}"""


def _level(version: str) -> str:
    """Return what is read of a level; whether it is active is told from 2026-04 on."""
    active = " isActive" if version >= "2026-04" else ""
    states = '["available", "on_hand", "incoming"]'
    return f"id{active} location {{ id }} quantities(names: {states}) {{ name quantity }}"


def bulk_stock(version: str) -> str:
    """Return the query for what lies below each variant: in the other it would lie too deep."""
    return f"""{{
  productVariants {{ edges {{ node {{
    id
    media {{ edges {{ node {{ {_MEDIA} }} }} }}
    inventoryItem {{ id inventoryLevels {{ edges {{ node {{ {_level(version)} }} }} }} }}
  }} }} }}
}}"""


def variants(version: str) -> str:
    return f"""query Variants($ids: [ID!]!) {{
  nodes(ids: $ids) {{ ... on ProductVariant {{
    {_VARIANT}
    media(first: 1) {{ nodes {{ {_MEDIA} }} }}
    product {{ id }}
    stock: inventoryItem {{
      inventoryLevels(first: 20) {{ {_PAGE} nodes {{ {_level(version)} }} }}
    }}
  }} }}
}}"""


def more_levels(version: str) -> str:
    return f"""query MoreLevels($id: ID!, $after: String) {{
  inventoryItem(id: $id) {{
    inventoryLevels(first: 100, after: $after) {{ {_PAGE} nodes {{ {_level(version)} }} }}
  }}
}}"""


def queries(version: str) -> dict[str, str]:
    """Return all documents of a version by name."""
    return {
        "shop": SHOP,
        "collections": COLLECTIONS,
        "webhooks": WEBHOOKS,
        "run": RUN,
        "status": STATUS,
        "bulk_products": BULK_PRODUCTS,
        "bulk_stock": bulk_stock(version),
        "products": PRODUCTS,
        "more_variants": MORE_VARIANTS,
        "more_collections": MORE_COLLECTIONS,
        "more_media": MORE_MEDIA,
        "items": ITEMS,
        "variants": variants(version),
        "more_levels": more_levels(version),
    }
