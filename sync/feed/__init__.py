"""Reads a feed of any shape by a map of its fields: JSON, JSON Lines or CSV, over http or from a folder."""
