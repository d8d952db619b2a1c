"""What Prometheus reads: the requests that this host's web processes counted, and the measures."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from groundwork.metrics import counted
from portal.measures import read_all


class _Measures(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        for measure, readings in read_all():
            family = GaugeMetricFamily(measure.name, measure.says, labels=measure.labels)
            for reading in readings:
                family.add_metric(reading.labels, reading.value)
            yield family


def exposition() -> bytes:
    """Return all metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Measures())
    return counted() + generate_latest(registry)
