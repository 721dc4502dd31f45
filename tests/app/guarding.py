"""What the tests of the guard share: the databases and a row."""

import pytest

from tests.project.shop.models import FooModel

ALIASES = [
    "default",
    pytest.param("postgresql", marks=pytest.mark.needs("postgresql")),
    pytest.param("mariadb", marks=pytest.mark.needs("mariadb")),
]


def write(alias, name="escaped"):
    FooModel.objects.using(alias).create(name=name)


def rows(alias):
    return set(FooModel.objects.using(alias).values_list("name", flat=True))
