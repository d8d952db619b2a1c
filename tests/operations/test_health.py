"""Machines are told whether we live, whether we may serve partners, and what is wrong."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
import redis
from django.db import OperationalError
from django.test import Client

from catalog_mirror.epochs import start_epoch
from groundwork import heartbeats
from groundwork.models import Alarm, Heartbeat
from portal import readiness, witness
from tests.conftest import as_login
from tests.factories import newest_revision


@pytest.fixture
def ready(database):
    heartbeats.beat("beat")
    witness._redis().delete(witness._key())
    yield
    witness._redis().delete(witness._key())


def asked(path: str = "/readyz"):
    readiness._last = (0.0, [])
    answer = Client().get(path, headers={"Host": "10.0.0.7"})
    return answer.status_code, answer.json()


def test_alive_without_a_database(monkeypatch):
    assert asked("/healthz") == (200, {"status": "ok"})


def test_probes_need_neither_tls_nor_a_known_host(ready, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["tradecounter.example"]
    assert asked() == (200, {"status": "ready", "faults": {}})
    assert asked("/healthz")[0] == 200
    assert Client().get("/readyz")["Cache-Control"] == "no-store"
    assert Client().post("/readyz").status_code == 405


def test_an_old_schema_is_not_ready_and_says_what_to_run(ready):
    as_login("delete from django_migrations where app = 'groundwork' and name = '0003_alarms'")
    try:
        status, said = asked()
    finally:
        as_login(
            "insert into django_migrations (app, name, applied) values ('groundwork', '0003_alarms', now())"
        )
    assert (status, said["status"]) == (503, "unready")
    assert said["faults"] == {
        "migrations": "1 migrations are missing, groundwork 0003_alarms the first: run `manage.py migrate`."
    }


def test_a_newer_schema_is_an_upgrade_under_way(ready):
    as_login(
        "insert into django_migrations (app, name, applied) values ('sync', '9999_new', now())"
    )
    try:
        assert asked() == (200, {"status": "ready", "faults": {}})
    finally:
        as_login("delete from django_migrations where name = '9999_new'")


def test_a_database_that_is_away_is_not_ready(ready, monkeypatch):
    monkeypatch.setattr(readiness, "_select_one", Mock(side_effect=OperationalError))
    status, said = asked()
    assert status == 503
    assert said["faults"]["database"].startswith("The database does not answer.")


def test_unsafe_roles_are_not_ready(ready):
    name = witness.connection.settings_dict["NAME"]
    as_login(f'alter role "{name}_api" bypassrls')
    try:
        status, said = asked()
    finally:
        as_login(f'alter role "{name}_api" nobypassrls')
    assert status == 503
    assert "can see past the row policies" in said["faults"]["roles"]


@pytest.mark.parametrize("age", [None, timedelta(minutes=6)])
def test_a_silent_beat_is_told_and_partners_are_served(ready, clock, age):
    if age:
        clock.move(age)
    else:
        Heartbeat.objects.all().delete()
    status, said = asked()
    assert (status, said["status"], list(said["faults"])) == (200, "degraded", ["beat"])


def test_redis_away_is_told_and_partners_are_served(ready, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    status, said = asked()
    assert (status, said["status"], list(said["faults"])) == (200, "degraded", ["redis"])


def test_a_restored_database_is_not_ready_until_an_epoch_is_begun(ready):
    as_login(
        "insert into catalog_mirror_revision (number, nonce, recorded_at, origin, correlation_id, touches_rules)"
        " values (1, gen_random_uuid(), now(), 'test', 'x', false)"
    )
    witness.attend()
    assert asked()[0] == 200
    # What a backup from before knows, which went on to a number of the same name.
    as_login("update catalog_mirror_revision set nonce = gen_random_uuid() where number = 1")
    assert asked() == (
        503,
        {"status": "unready", "faults": {"epoch": witness.advice(witness.witnessed())}},
    )
    witness.attend()
    assert Alarm.objects.get(closed_at=None).code == "restore_unmarked"
    assert asked()[0] == 503  # to look does not make it forget
    start_epoch(actor="ann")
    assert asked()[0] == 200
    witness.attend()
    assert not Alarm.objects.filter(closed_at=None).exists()
    assert witness.witnessed().number == newest_revision() == 1


def test_one_that_lost_its_newest_revisions_is_noticed_too(ready):
    as_login(
        "insert into catalog_mirror_revision (number, nonce, recorded_at, origin, correlation_id, touches_rules)"
        " values (1, gen_random_uuid(), now(), 'test', 'x', false)"
    )
    witness.attend()
    as_login("delete from catalog_mirror_revision where number = 1")
    assert asked()[0] == 503


def test_a_backup_from_before_the_last_epoch_is_told_with_its_number(ready):
    start_epoch(actor="ann")
    witness.attend()
    as_login("delete from catalog_mirror_epoch where number = 2")
    said = asked()[1]["faults"]["epoch"]
    assert "run `manage.py start_epoch --above 2`" in said
    start_epoch(actor="ann", above=2)
    assert asked()[0] == 200


def test_however_often_it_is_asked_it_looks_once_a_second(ready, monkeypatch):
    asked()
    monkeypatch.setattr(readiness, "_looked", Mock(side_effect=AssertionError))
    assert Client().get("/readyz").status_code == 200


def test_without_redis_nothing_is_witnessed_and_nothing_refused(ready, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert witness.witnessed() is None
    with pytest.raises(redis.RedisError):
        witness.attend()
