"""Registers the room with Django."""

from django.apps import AppConfig


class PricingConfig(AppConfig):
    name = "pricing"
