"""Tells partners: endpoints, deliveries, retries, dead letters."""
