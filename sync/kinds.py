"""The kinds of shops there are: one entry for each."""

from collections.abc import Mapping

from sync.connectors import Kind
from sync.feed.kind import FeedKind
from sync.magento.kind import MagentoKind
from sync.models import Connection
from sync.shopify.kind import ShopifyKind
from sync.woocommerce.kind import WooCommerceKind

_KIND = Connection.Kind
KINDS: Mapping[str, Kind] = {
    _KIND.WOOCOMMERCE.value: WooCommerceKind(),
    _KIND.FEED.value: FeedKind(),
    _KIND.SHOPIFY.value: ShopifyKind(),
    _KIND.MAGENTO.value: MagentoKind(),
}
