"""Reads a WooCommerce shop (REST v3, as recorded from 9.9.5)."""
