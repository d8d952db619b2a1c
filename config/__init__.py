"""Wires the rooms together. Every process that starts Django knows Celery's broker by this import."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
