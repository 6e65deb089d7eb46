"""SQLModel's sessions and classes are lent as SQLAlchemy's are."""

import cherrypy
import pytest
from sqlalchemy import MetaData
from sqlalchemy.orm import registry

import cpkit.tools  # noqa: F401
from cpkit.errors import WriteInReadUnitError
from cpkit.testing import Client

sqlmodel = pytest.importorskip("sqlmodel", reason="pip install sqlmodel")


class Base(sqlmodel.SQLModel, registry=registry(metadata=MetaData())):
    """The models of this file alone."""


class Team(Base, table=True):
    id: int | None = sqlmodel.Field(default=None, primary_key=True)
    name: str
    heroes: list["Hero"] = sqlmodel.Relationship(back_populates="team")


class Hero(Base, table=True):
    id: int | None = sqlmodel.Field(default=None, primary_key=True)
    name: str = sqlmodel.Field(unique=True)
    team_id: int | None = sqlmodel.Field(default=None, foreign_key="team.id")
    team: Team | None = sqlmodel.Relationship(back_populates="heroes")


class Heroes:
    @cherrypy.expose
    def index(self):
        found = cherrypy.request.db.exec(sqlmodel.select(Hero).order_by(Hero.name)).all()
        return ", ".join(f"{hero.name} of {hero.team.name}" for hero in found)

    @cherrypy.expose
    def add(self, name):
        hero = Hero(name=name, team=Team(name="one"))
        cherrypy.request.db.add(hero)
        cherrypy.request.db.commit()
        cherrypy.request.db.refresh(hero)
        return hero.model_dump_json(exclude={"id", "team_id"})

    @cherrypy.expose
    def refused(self, name):
        cherrypy.request.db.add(Hero(name=name))
        raise cherrypy.HTTPError(409)


@pytest.fixture(params=["sqlite", "postgresql"])
def client(request, start_database):
    url = request.getfixturevalue("postgres").url if request.param == "postgresql" else None
    database = start_database(url, setup=Base.metadata.create_all, session_class=sqlmodel.Session)
    config = {"cpkit.db.on": True, "cpkit.db.handle": "session"}
    cherrypy.tree.mount(Heroes(), "/", {"/": config})
    yield Client(raise_exceptions=False)
    assert database.figures().in_use == 0


def test_models_are_stored_and_read(client):
    assert client.post("/add?name=Ann").text == '{"name":"Ann"}'
    assert client.post("/refused?name=Bob").status_code == 409
    assert client.get("/").text == "Ann of one"
    assert isinstance(client.get("/add?name=Bob").exception, WriteInReadUnitError)


def test_a_long_job_commits_many_times_and_holds_nothing_between(client):
    database = cherrypy.engine.db
    with database.begin("session") as db:
        for name in ("Ann", "Bob"):
            db.add(Hero(name=name, team=Team(name="two")))
            db.commit()
            assert database.figures().in_use == 0
    assert client.get("/").text == "Ann of two, Bob of two"
