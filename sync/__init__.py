"""Hears from the CMS: connectors and reconciliation."""
