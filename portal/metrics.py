"""What Prometheus reads: the requests that this host's web processes counted, and the measures."""

from collections.abc import Iterator

import structlog
from django.db import DatabaseError, InterfaceError, connection
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from groundwork.metrics import counted
from portal.measures import read_all

log = structlog.get_logger(__name__)


_UP = "tradecounter_database_up", "Whether the measures below could be read from the database."


class _Measures(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            measures = read_all()
        except (DatabaseError, InterfaceError):
            log.warning("measures_not_read", exc_info=True)
            connection.close()
            yield GaugeMetricFamily(*_UP, value=0)
            return
        yield GaugeMetricFamily(*_UP, value=1)
        for measure, readings in measures:
            family = GaugeMetricFamily(measure.name, measure.says, labels=measure.labels)
            for reading in readings:
                family.add_metric(reading.labels, reading.value)
            yield family


def exposition() -> bytes:
    """Return all metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Measures())
    return counted() + generate_latest(registry)
