"""The database backend, as far as it finds the embedded engines."""

import pytest
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper as DjangoWrapper

from groundwork import engines
from groundwork.postgres.base import DatabaseWrapper

PLACE = {"host": "127.0.0.1", "port": 5, "user": "postgres", "password": "hidden"}


@pytest.fixture
def wrapper():
    return DatabaseWrapper({**connection.settings_dict, "NAME": "tradecounter"}, alias="default")


def test_embedded_engine_says_where_it_is(wrapper, settings, monkeypatch):
    settings.EMBEDDED = True
    monkeypatch.setattr(engines, "ensure", lambda: engines.Engines(PLACE, redis_url=""))
    params = wrapper.get_connection_params()
    assert PLACE.items() <= params.items()
    assert params["dbname"] == "tradecounter"


def test_given_database_starts_no_engine(wrapper, settings, monkeypatch):
    settings.EMBEDDED = False
    monkeypatch.setattr(engines, "ensure", lambda: pytest.fail("an engine was asked for"))
    plain = DjangoWrapper.get_connection_params(wrapper)
    assert wrapper.get_connection_params() == plain | {"prepare_threshold": 2, "connect_timeout": 5}


def test_test_databases_are_created_on_the_embedded_engine(settings, monkeypatch):
    """Django creates databases through a connection to none of ours: without a name."""
    settings.EMBEDDED = True
    monkeypatch.setattr(engines, "ensure", lambda: engines.Engines(PLACE, redis_url=""))
    nameless = DatabaseWrapper({**connection.settings_dict, "NAME": None}, alias="__no_db__")
    params = nameless.get_connection_params()
    assert PLACE.items() <= params.items()
    assert params["dbname"] == "postgres"
