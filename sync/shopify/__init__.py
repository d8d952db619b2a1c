"""Reads a Shopify shop (GraphQL Admin API, versions 2026-01 to 2026-07)."""
