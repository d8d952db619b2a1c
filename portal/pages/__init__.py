"""Doors: pages of the staff site that cross rooms."""
