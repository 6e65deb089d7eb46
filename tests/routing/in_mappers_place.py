"""A pytest plugin for Routes' own tests: IndexedMapper stands in Mapper's place."""

import sys
import types
import unittest

import routes
import routes.mapper

from cpkit.routing import IndexedMapper

routes.Mapper = routes.mapper.Mapper = IndexedMapper

check = unittest.TestCase()
tools = types.ModuleType("nose.tools")
tools.eq_ = check.assertEqual
tools.assert_raises = check.assertRaises
tools.assert_is_none = check.assertIsNone
sys.modules["nose"] = types.ModuleType("nose")
sys.modules["nose.tools"] = tools
