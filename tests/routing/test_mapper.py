"""IndexedMapper: a routes.Mapper in every respect that its settings and Routes' docs promise."""

import copy
import gc
import pickle
import threading
import tracemalloc
from random import Random

import pytest
import routes
from routes.util import RoutesException

from cpkit.routing import IndexedMapper, PatternWarning, Route

GET, POST = {"REQUEST_METHOD": "GET"}, {"REQUEST_METHOD": "POST"}


def mapper_of(*templates, **options):
    mapper = IndexedMapper(register=False, **options)
    for template in templates:
        mapper.connect(template)
    return mapper


def even(environ, result):
    return int(result["id"]) % 2 == 0


def test_a_path_or_a_request_is_needed():
    mapper = mapper_of("/a")
    assert mapper.match(environ={**GET, "PATH_INFO": "/a"}) == {}
    for look_up in (mapper.match, mapper.routematch):
        with pytest.raises(RoutesException):
            look_up()


def test_a_request_without_method_condition_matches_without_a_request():
    mapper = mapper_of("/a")
    mapper.connect("/b", conditions={"method": ["POST"]})
    assert mapper.match("/b") == {}
    assert mapper.match("/b", GET) is None


def test_the_threads_request_is_used_where_none_is_given():
    mapper = mapper_of()
    mapper.connect("/b", conditions={"method": ["POST"]})
    mapper.environ = GET
    assert mapper.match("/b") is None
    assert mapper.methods("/b") == {"POST"}


def test_methods_tells_every_method_of_a_url():
    mapper = mapper_of("/c")
    mapper.connect("/a/{x}", conditions={"method": ["GET", "HEAD"]})
    mapper.connect("/a/b", conditions={"method": "POST"})
    mapper.connect("/d/{id}", conditions={"method": ["PUT"], "function": even})
    assert mapper.methods("/a/b") == {"GET", "HEAD", "POST"}
    assert mapper.methods("/a/c") == {"GET", "HEAD"}
    assert mapper.methods("/c") is None
    assert mapper.methods("/nowhere") == frozenset()
    assert mapper.methods("/d/2") == {"PUT"}
    assert mapper.methods("/d/1") == frozenset()


def test_always_scan_asks_for_the_controllers_at_every_look_up():
    controllers = ["a"]
    mapper = mapper_of("/{controller}", controller_scan=lambda: controllers, always_scan=True)
    assert mapper.match("/b") is None
    controllers.append("b")
    assert mapper.match("/b") == {"controller": "b"}
    assert mapper.methods("/b") is None


def test_without_a_scan_the_controllers_must_be_given():
    mapper = mapper_of("/{controller}", controller_scan=None)
    for look_up in (mapper.match, mapper.routematch, mapper.methods):
        with pytest.raises(RoutesException):
            look_up("/a")
    mapper.create_regs(["a/b"])
    assert mapper.match("/a/b") == {"controller": "a/b"}


def test_given_controllers_stay_when_a_route_is_added():
    mapper = mapper_of("/{controller}")
    mapper.create_regs(["a"])
    mapper.connect("/x/{controller}")
    assert mapper.match("/x/a") == {"controller": "a"}


def test_a_directory_is_scanned_for_controllers(tmp_path):
    (tmp_path / "blog.py").write_text("")
    mapper = mapper_of("/{controller}", directory=str(tmp_path))
    assert mapper.match("/blog") == {"controller": "blog"}
    assert mapper_of("/{controller}", controller_scan=["b"]).match("/b") == {"controller": "b"}


@pytest.mark.parametrize(
    ("prefix", "path", "found"),
    [("/app", "/app/a", {}), ("/app", "/a", None), ("/app", "/app", None), ("/v[12]", "/v2/a", {})],
)
def test_a_prefix_is_taken_off_before_matching(prefix, path, found):
    mapper = mapper_of("/a")
    mapper.prefix = prefix
    assert mapper.match(path) == found
    assert mapper.methods(path) == (None if found == {} else frozenset())


def test_a_prefix_alone_is_the_root():
    mapper = mapper_of("/")
    mapper.prefix = "/app"
    assert mapper.match("/app") == {}


SHARED = ["/api/v1/{x}", "/api/v1/{x}/y", "/api/v1/z/{y:\\d+}", "/api/v1/w/*rest"]


class Text(str):
    """Be text, but no plain str."""


@pytest.mark.parametrize("kind", [str, Text])
def test_what_all_routes_begin_with_must_be_there(kind):
    mapper = mapper_of(*SHARED)
    for path in ("/api/v1/a", "/api/v1/a/y", "/api/v1/z/5", "/api/v1/w/a/b"):
        assert mapper.match(kind(path), GET) is not None
        assert mapper.methods(kind(path)) is None
    for head in ("", "/", "/api", "/api/v1", "/api/v2/", "api/v1/", "//api/v1/", "/api/v1//", "\n"):
        for path in ("", "a", "a/y", "z/5", "w/a/b"):
            assert mapper.match(kind(head + path), GET) is None, head + path
            assert mapper.methods(kind(head + path)) == frozenset()


CONDITIONS = {"any": [None], "one": [["GET"]], "each": [["GET"], ["PUT"]], "some": [["GET"], None]}


@pytest.mark.parametrize("conditions", CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("count", [1, 3])
def test_a_path_without_its_first_slash_is_another(conditions, count):
    mapper = mapper_of()
    for number in range(count):
        for methods in conditions:
            asked = {"method": methods} if methods else {}
            mapper.connect(f"/{{a}}/{number}/{{b}}", conditions=asked)
    assert mapper.match("/x/0/y", GET) == {"a": "x", "b": "y"}
    assert mapper.match("x/x/0/y", GET) is None
    assert mapper.methods("x/x/0/y") == frozenset()


def test_debug_returns_what_was_tried():
    mapper = mapper_of("/a/{x:b}", "/a/{y}")
    mapper.debug = True
    first, second = mapper.matchlist
    log = [{"route": first, "regexp": False}, {"route": second, "regexp": True}]
    assert mapper.match("/a/c") == mapper.routematch("/a/c") == ({"y": "c"}, second, log)
    assert mapper.match("/nowhere") == (None, None, [])
    mapper.connect("/b", conditions={"method": ["POST"]})
    assert [entry["regexp"] for entry in mapper.match("/b", GET)[2]] == [False, False, False]
    mapper.prefix = "/app"
    assert mapper.match("/a/c") == (None, None, [])


def test_sub_domains_can_be_ignored():
    mapper = mapper_of("/a")
    mapper.sub_domains, mapper.sub_domains_ignore = True, ["www"]
    hosts = {"www.x.com": None, "a.x.com:80": "a", "x.com": None, "a.b.x.com": "a.b", "[::1]": None}
    for host, sub_domain in hosts.items():
        assert mapper.match("/a", {**GET, "HTTP_HOST": host}) == {"sub_domain": sub_domain}
    assert mapper.match("/a", GET) == {"sub_domain": None}


def test_a_condition_function_is_called_once_and_may_change_the_result():
    calls = []

    def function(environ, result):
        calls.append(environ)
        result["seen"] = True
        return True

    mapper = mapper_of()
    mapper.connect("/{x}", conditions={"function": function})
    assert mapper.match("/a", GET) == {"x": "a", "seen": True}
    assert calls == [GET]


def test_an_error_of_a_condition_function_is_not_hidden():
    mapper = mapper_of()
    mapper.connect("/{x}", conditions={"function": lambda environ, result: 1 / 0})
    with pytest.raises(ZeroDivisionError):
        mapper.match("/a", GET)


def test_a_subclass_may_make_its_own_routes():
    class Shouting(routes.route.Route):
        def match(self, url, *args, **kargs):
            return {"url": url} if url.endswith("!") else False

    class Mapper(IndexedMapper):
        def make_route(self, *args, **kargs):
            return Shouting(*args, **kargs)

    mapper = Mapper(register=False)
    mapper.connect("/a", conditions={"method": ["GET"]})
    assert mapper.match("/b!", GET) == {"url": "/b!"}
    assert mapper.match("/b", GET) is None
    assert mapper.methods("/b!") == {"GET"}
    assert mapper.shadowed() == []


def test_a_route_of_ones_own_keeps_its_regex():
    route = Route(None, "/{a}/b")
    route.makeregexp([])
    assert route.regmatch.match("/x/b").groupdict() == {"a": "x"}
    assert route.makeregexp([], include_names=False) == "^/(?:[^/]+?)/b\\Z"


def test_editing_the_list_of_routes_by_hand_needs_create_regs():
    mapper = mapper_of("/a", "/b")
    assert mapper.match("/a") == {}
    del mapper.matchlist[0]
    mapper.create_regs()
    assert mapper.match("/a") is None


def test_a_route_that_stands_twice_counts_where_it_stands_first():
    mapper = IndexedMapper(register=False)
    mapper.connect("/a/{one}", conditions={"method": ["GET"]})
    mapper.connect("/a/{rest:.*}")
    mapper.matchlist.append(mapper.matchlist[0])
    mapper.create_regs([])
    assert mapper.match("/a/1", GET) == {"one": "1"}
    assert mapper.match("/a/1", {"REQUEST_METHOD": "PUT"}) == {"rest": "1"}


def test_routes_share_what_is_alike_and_nothing_that_may_be_changed():
    mapper = IndexedMapper(register=False)
    requirements = {"id": "[a-z]+"}
    for name in "ab":
        mapper.connect(f"/{name}/{{id}}", controller=name, requirements=requirements)
    one, other = mapper.matchlist
    assert one.maxkeys is other.maxkeys
    assert one.routelist[1] is other.routelist[1]
    one.reqs["id"] = one.defaults["controller"] = "changed"
    assert (other.reqs, other.defaults, requirements) == (
        {"id": "[a-z]+"},
        {"controller": "b"},
        {"id": "[a-z]+"},
    )


def test_an_index_takes_less_than_400_bytes_a_route_beside_the_routes():
    """As in the Kubernetes API: many routes stand below long prefixes that they share."""
    paths = ["{}", "watch/{}", "namespaces/{namespace}/{}", "namespaces/{namespace}/{}/{name}"]
    paths += [f"namespaces/{{namespace}}/{{}}/{{name}}/{end}" for end in ("status", "scale")]
    declared = [
        (f"/apis/group{n % 14}.example.org/v1/{path.replace('{}', f'resources{n}')}", method)
        for n in range(80)
        for path in paths
        for method in ("GET", "PUT", "DELETE")
    ]

    def mapper():
        found = IndexedMapper(register=False)
        for template, method in declared:
            found.connect(template, controller=template, conditions={"method": [method]})
        return found

    mapper().create_regs([])  # what is compiled is kept for all tables
    measured = mapper()
    tracemalloc.start()
    measured.create_regs([])
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 400 * len(declared)


def test_a_mapper_can_be_pickled_and_copied():
    mapper = mapper_of("/a/{id}", controller_scan=None)
    mapper.connect("even", "/b/{id}", conditions={"function": even, "method": ["GET"]})
    mapper.create_regs([])
    assert mapper.match("/a/1") == {"id": "1"}
    for other in (pickle.loads(pickle.dumps(mapper)), copy.copy(mapper), copy.deepcopy(mapper)):
        assert other.match("/b/2", GET) == {"id": "2"}
        assert other.match("/b/1", GET) is None
        assert other.generate(other._routenames["even"], id=4) == "/b/4"
        other.connect("/new")
        assert other.match("/new", GET) == {}


def test_a_nested_repeat_is_warned_of():
    mapper = mapper_of()
    with pytest.warns(PatternWarning, match="exponential") as caught:
        mapper.connect("/{x:(a+)+b}")
    assert caught[0].filename == __file__
    assert mapper.match("/" + "a" * 300) is None


def test_routes_can_be_connected_while_others_are_looked_up():
    mapper, stop, wrong = mapper_of(*(f"/{n}/{{x}}" for n in range(20))), threading.Event(), []

    def serve():
        while not stop.is_set():
            for number in range(20):
                if mapper.match(f"/{number}/a", GET) != {"x": "a"}:
                    wrong.append(number)

    threads = [threading.Thread(target=serve) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(20):
        mapper.connect(f"/new{number}")
        assert mapper.match(f"/new{number}", GET) == {}
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_first_look_ups_of_many_threads_agree():
    mapper, found = mapper_of(*(f"/{n}/{{x}}" for n in range(300))), []
    ready = threading.Barrier(20)

    def look_up():
        ready.wait()
        found.append(mapper.match("/7/a", GET))

    threads = [threading.Thread(target=look_up) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"x": "a"}] * 20


def test_a_route_takes_the_mappers_encoding_unless_it_has_its_own():
    mapper = mapper_of()
    mapper.encoding = "latin-1"
    mapper.connect("/a")
    mapper.connect("/b", _encoding="utf-8")
    assert [route.encoding for route in mapper.matchlist] == ["latin-1", "utf-8"]


def test_extend_puts_routes_below_a_prefix():
    mapper = mapper_of()
    made = [Route("a", "/a/{x}"), Route(None, "b/:x", _minimize=True, x="1", _explicit=True)]
    mapper.extend(made, path_prefix="/sub")
    assert mapper.match("/sub/a/2")["x"] == "2"
    assert mapper.match("/sub/b") == {"x": "1"}


@pytest.mark.parametrize("seed", range(20))
def test_urls_are_generated_as_routes_generates_them(seed):
    random = Random(seed)
    mine, theirs = mapper_of(), routes.Mapper(register=False)
    for number in range(random.randint(0, 8)):
        paths = ["/{controller}/{action}", "/{action}", f"/x{number}", "/{controller}"]
        path = random.choice(paths)
        fixed = {"controller": random.choice("ab"), "action": random.choice(["c", "d", None])}
        options = {name: value for name, value in fixed.items() if random.random() < 0.6}
        for mapper in (mine, theirs):
            mapper.connect(path, **options)
    for controller in ("a", "b", "x", None):
        for action in ("c", "d", "x", None):
            asked = {"controller": controller, "action": action}
            assert mine.generate(**asked) == theirs.generate(**asked)


def test_a_route_without_variables_and_defaults_is_found_by_either_of_its_methods():
    mapper = IndexedMapper(register=False)
    mapper.connect("/a", conditions={"method": ["PUT", "POST"]})
    mapper.connect("/b", conditions={"method": ["GET"]})
    assert mapper.routematch("/a", {"REQUEST_METHOD": "POST"}) == ({}, mapper.matchlist[0])
    assert mapper.routematch("/a", None) == ({}, mapper.matchlist[0])
