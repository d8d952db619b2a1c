"""Registers the commands that wire the rooms together."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
