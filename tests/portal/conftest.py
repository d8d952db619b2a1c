"""Who looks at the staff site."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.factories import cast


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def staff(people) -> Client:
    return signed_in(User.objects.create_superuser("ann"))


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def of_group(name: str) -> Client:
    user = User.objects.create_user(name.split(maxsplit=1)[0].lower(), is_staff=True)
    user.groups.add(Group.objects.get(name=name))
    return signed_in(user)
