"""The demo, assembled on a new database, without HTTP."""

import shutil

import pytest
import sqlalchemy as sa

from cpkit.testing import Client
from demo.app import assemble
from demo.seed import prepare


@pytest.fixture(scope="session")
def seeded(tmp_path_factory):
    """A database as the demo leaves it after its first start; each test works on a copy."""
    file = tmp_path_factory.mktemp("seeded") / "demo.sqlite"
    engine = sa.create_engine(f"sqlite:///{file}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        prepare(connection)
    return file


@pytest.fixture
def database_url(seeded, tmp_path):
    shutil.copy(seeded, tmp_path)
    return f"sqlite:///{tmp_path / seeded.name}"


@pytest.fixture
def demo(cp_engine, cp_client, database_url) -> Client:
    assemble(database_url)
    cp_engine.staff.frequency = 0  # a test that wants the staff calls for a round
    cp_engine.start()
    cp_client.check = False  # PERF: the start has checked the settings already
    return cp_client


@pytest.fixture
def json():
    return {"Accept": "application/json"}
