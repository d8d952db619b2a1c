"""Registers the room with Django."""

from django.apps import AppConfig


class GroundworkConfig(AppConfig):
    name = "groundwork"
