"""Private names that routing uses: Routes' in route.py, the regex parser's in automaton.py."""

import routes
import routes.route

from cpkit.routing.automaton import ops, parsed
from cpkit.routing.route import keywords, named_routes


def test_route_setup_route_is_called_by_the_constructor():
    class Recorded(routes.route.Route):
        def _setup_route(self):
            self.seen = True

    assert Recorded("name", "/path").seen


def test_route_kargs_are_the_keywords_of_the_declaration():
    assert keywords(routes.route.Route("name", "/{id}", action="show")) == {"action": "show"}


def test_route_defaults_returns_defaults_and_their_names():
    route = routes.route.Route("name", "/{id}", _explicit=True)
    assert route._defaults({"id"}, set(), {"action": 1}) == ({"action": "1"}, {"action"})


def test_route_minkeys_returns_the_needed_names_and_the_parts():
    route = routes.route.Route("name", "/a/{id}")
    assert route._minkeys(route.routelist)[0] == {"id"}
    assert route._minkeys(route.routelist)[1] == ["/a/", {"name": "id", "type": ":"}]


def test_mapper_routenames_holds_the_routes_by_name():
    mapper = routes.Mapper(register=False)
    mapper.connect("name", "/path")
    assert named_routes(mapper)["name"] is mapper.matchlist[0]


def test_re_parser_reads_a_regex_into_ops_and_operands():
    (first, second) = parsed("a(?:b|[c-e])+")
    assert first == (ops.LITERAL, ord("a"))
    assert (second[0], second[1][:2]) == (ops.MAX_REPEAT, (1, ops.MAXREPEAT))
    assert parsed("a{2,3}b").getwidth() == (3, 4)
