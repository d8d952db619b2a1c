"""What partners may rely on: /v1 endpoints, items, the delta."""
