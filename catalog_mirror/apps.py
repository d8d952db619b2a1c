"""Registers the room with Django."""

from django.apps import AppConfig


class CatalogMirrorConfig(AppConfig):
    name = "catalog_mirror"
    verbose_name = "Catalog mirror"
