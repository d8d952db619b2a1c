"""Registers the room with Django."""

from django.apps import AppConfig


class OutboundHooksConfig(AppConfig):
    name = "outbound_hooks"
    verbose_name = "Outbound hooks"
