"""The toolbox: registered on import, and clear about names that it does not have."""

import cherrypy
import pytest

import cpkit.tools


def test_importing_the_tools_registers_one_toolbox_and_replaces_none():
    assert cherrypy.Application.toolboxes["cpkit"] is cpkit.tools.toolbox
    assert cherrypy.Application.toolboxes["tools"] is cherrypy.tools


def test_a_misspelt_tool_is_answered_with_the_names_there_are():
    with pytest.raises(AttributeError, match=r"There is no tool cpkit\.acept; there is .*"):
        cpkit.tools.toolbox.acept  # noqa: B018
