"""What the tests of the dispatchers share: mounting a dispatcher is one call."""

import cherrypy
import pytest


@pytest.fixture
def mount():
    """Mount an application that *dispatcher* routes; further sections are its config."""

    def mount(dispatcher, script_name="", sections=None, root=None, **entries):
        config = {"/": {"request.dispatch": dispatcher, **entries}, **(sections or {})}
        return cherrypy.tree.mount(root, script_name, config)

    return mount
