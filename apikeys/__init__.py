"""Who is calling: keys, limits, the request audit log."""
