"""What the portal keeps of its own: figures that would take too long to sum up for each look at a page."""

from django.db import models


class Figures(models.Model):
    """Sums over all customers, as of a while ago: the one row, written anew every few minutes."""

    at = models.DateTimeField()
    body = models.JSONField()

    def __str__(self) -> str:
        return f"figures of {self.at}"
