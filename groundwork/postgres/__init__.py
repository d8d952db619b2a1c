"""A database backend that asks the embedded engines where they are."""
