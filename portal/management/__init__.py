"""The commands of the sources."""
