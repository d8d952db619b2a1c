"""Storefronts that speak WooCommerce's REST, with a promo-merchandise catalogue."""
