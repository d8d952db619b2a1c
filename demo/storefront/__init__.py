"""A storefront that answers as WooCommerce's REST does, with a page to edit its shop by hand."""
