"""Prometheus is told what it asks for, and the alert rules ask for what there is."""

import os
import re
import subprocess
import sys
from unittest.mock import Mock

import pytest
import yaml
from django.db import OperationalError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from groundwork.local import CHECKOUT
from portal import metrics
from portal.measures import MEASURES
from tests.factories import client_of
from tests.operations.test_levels import SourceFactory, connection_of, stored

RULES = CHECKOUT / "docs/operations/alerts.yml"


def scraped() -> dict[str, dict[tuple, float]]:
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    return {
        sample.name: {
            tuple(sorted(s.labels.items())): s.value
            for s in family.samples
            if s.name == sample.name
        }
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_requests_are_counted_by_route_and_status(partner):
    before = scraped().get("tradecounter_request_seconds_count", {})
    client = client_of(partner)
    client.get("/v1/products/NOBODY-1")
    client.get("/v1/products/NOBODY-2")
    Client().get("/no-such-page-1")
    after = scraped()["tradecounter_request_seconds_count"]
    counted = {
        (dict(labels)["route"], dict(labels)["status"]): count - before.get(labels, 0)
        for labels, count in after.items()
    }
    assert counted["v1/products/<path:sku>", "404"] == 2
    assert counted["none", "404"] == 1


def test_what_waits_is_told_by_source(database, clock):
    source = SourceFactory(slug="drinkware")
    connection_of(source)
    list(stored(source, {"id": 1}, {"id": 2}))
    found = scraped()
    label = (("source", "drinkware"),)
    assert found["tradecounter_inbound_pending"] == {label: 2}
    assert 0 < found["tradecounter_inbound_age_seconds"][label] < 60
    assert found["tradecounter_inbound_dead"] == {label: 0}
    assert found["tradecounter_endpoints"] == {
        (("state", state),): 0 for state in ("hearing", "resting", "disabled")
    }


def test_every_measure_can_be_read_and_says_what_it_is(database):
    text = Client().get("/metrics").content.decode()
    for measure in MEASURES:
        assert f"# TYPE {measure.name} gauge" in text
        assert measure.says.endswith(".")


def test_the_alert_rules_name_metrics_and_labels_that_exist(database):
    told = Client().get("/metrics").content.decode()
    names = set(re.findall(r"^# TYPE (\w+) ", told, re.MULTILINE))
    names |= {f"{name}_bucket" for name in names}
    rules = [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]
    assert len(rules) == len({rule["alert"] for rule in rules}) >= 10
    for rule in rules:
        used = set(re.findall(r"tradecounter_\w+", rule["expr"]))
        assert used, rule
        assert used <= names, used - names
        labels = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        offered = {label for m in MEASURES if m.name in used for label in m.labels}
        assert labels <= offered


@pytest.mark.parametrize(
    ("header", "status"), [("", 401), ("Bearer wrong", 401), ("Bearer s3cret", 200), ("é", 401)]
)
def test_a_token_is_asked_for(database, settings, header, status):
    settings.METRICS_TOKEN = "s3cret"
    assert Client().get("/metrics", headers={"Authorization": header}).status_code == status


def test_a_database_that_is_away_leaves_the_latency(database, monkeypatch):
    monkeypatch.setattr(metrics, "read_all", Mock(side_effect=OperationalError))
    text = Client().get("/metrics").content.decode()
    assert "tradecounter_database_up 0.0" in text
    assert "tradecounter_request_seconds_bucket" in text
    assert "tradecounter_revision" not in text


def test_a_deployment_without_a_token_shows_none(database, settings):
    settings.LOCAL = False
    assert Client().get("/metrics").status_code == 404


def test_several_processes_are_counted_together(tmp_path):
    count = (
        "from groundwork.metrics import REQUEST_SECONDS, counted;"
        "REQUEST_SECONDS.labels('v1/stock', '200').observe(0.003);"
        "print(counted().decode())"
    )
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "shared")}
    for expected in (1, 2):
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", count],
            env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert f'request_seconds_count{{route="v1/stock",status="200"}} {expected}.0' in done.stdout
