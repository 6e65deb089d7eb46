"""The dispatcher that finds page handlers by Routes' templates."""

from __future__ import annotations

import time
import weakref
from typing import Any

import cherrypy
from cherrypy.lib.reprconf import NamespaceSet

from cpkit.cherry import Handler
from cpkit.config_check import check_at_start
from cpkit.routing.conditions import Environ
from cpkit.routing.endpoint import STATICDIR, Depths, Endpoint, Target, along, merged
from cpkit.routing.generation import ascii_only
from cpkit.routing.listing import faults
from cpkit.routing.table import RouteTable
from cpkit.serving.arguments import LateFittingPageHandler

from . import request as _request
from . import urls as _urls
from .namespaces import Namespaces
from .request import RoutedRequest, may_have_body

WARNING = 30


# NOTE: it is one of CherryPy's for isinstance() alone, which frameworks ask.
class RoutesDispatcher(RouteTable, cherrypy.dispatch.RoutesDispatcher):
    """Page handlers found by Routes' templates: a drop-in for CherryPy's RoutesDispatcher.

    With *full_result* the handler also gets ``controller`` and ``action``. *mapper_options* are
    those of ``routes.Mapper``; with ``register=False`` the mapper isn't registered with
    ``routes.request_config()`` at each request, and ``routes.url_for`` doesn't work.

    A request is left with ``route`` (the template that matched, or None), ``dispatch_started``
    (``time.perf_counter_ns()``) and ``is_index``.
    """

    full_result = False
    register = True
    _depths: Depths

    def __new__(cls, *args: Any, **options: Any) -> RoutesDispatcher:
        """Return a dispatcher whose routes are checked when the engine starts."""
        dispatcher = super().__new__(cls)
        dispatcher._depths = Depths()
        _check_at_start(dispatcher)
        return dispatcher

    def __init__(self, full_result: bool = False, **mapper_options: Any) -> None:
        super().__init__(**mapper_options)
        self.full_result = full_result
        self.register = mapper_options.get("register", True)

    def redirect(self, url: str) -> None:
        """Redirect to *url* (what ``routes.redirect_to`` calls)."""
        raise cherrypy.HTTPRedirect(ascii_only(url))

    def url_for(
        self,
        name: str,
        /,
        _fragment: str | None = None,
        _relative: bool | str | None = None,
        **params: Any,
    ) -> str:
        """Return the URL of the route *name*, as ``cherrypy.url`` does: with the mount point.

        *params* fill the template; what it has no place for becomes the query string. In a
        request the base is the request's (``tools.proxy`` included), outside of one the
        server's. Raises UrlError when there is no such route, *params* don't fit, or the URL
        would lead to another route, or elsewhere.
        """
        return _urls.url_for(self, name, params, fragment=_fragment, relative=_relative)

    def allowed_methods(self, request: RoutedRequest) -> frozenset[str]:
        """Return the methods that the path of *request* answers: an exact ``Allow``."""
        answers = self.answers(request.routed[1] or "/", _request.environ_of(request))
        return frozenset({*answers, "OPTIONS"} if answers else ())

    def __call__(self, path_info: str) -> None:
        """Set the handler, the config and the variables of the current request."""
        request: RoutedRequest = cherrypy.serving.request
        request.dispatch_started = time.perf_counter_ns()
        request.route, request.routed = None, (self, path_info, None, None)
        try:
            handler = self.find_handler(path_info)
        except Exception as error:  # raised again where the config's tools and error pages hold
            handler = _request.Answer(_request.fail, error)
            if request.config is None:  # a condition function's
                path = request.routed[1] or "/"
                self._label(request, path, self.failed(path, error))
        if request.config is None:
            request.config = self._config(request, path_info or "/")
        if type(request.namespaces) is NamespaceSet:  # else one of the application's own
            request.namespaces = Namespaces(request.namespaces)
        if handler is None:
            request.handler = cherrypy.NotFound()
        elif isinstance(handler, _request.DIRECT):
            request.handler, request.negotiable = handler, False
        else:
            request.handler = LateFittingPageHandler(handler)

    def find_handler(self, path_info: str) -> Handler | None:
        """Return the page handler, or None for a 404; set the request's config and variables.

        A subclass may override this. What answers an OPTIONS, a 405 or a redirect is returned
        too: as a ``cherrypy.HTTPError`` or a callable.
        """
        request: RoutedRequest = cherrypy.serving.request
        request.routed = self, path_info, None, None
        path = path_info or "/"  # the mount point without its slash
        environ = getattr(request, "wsgi_environ", None)
        if environ is None or environ.get("REQUEST_METHOD") != request.method:
            environ = _request.environ_of(request)
        if not (path.isascii() and path.isprintable()) and _request.is_malformed(path, request):
            request.config = self._config(request, path)
            _request.overlook_body(request, environ)
            return None
        found = self.find(path, environ)
        if found is None and not path_info:
            found = self.find("", environ)  # where the template is empty, too
            path = "" if found else path
        if found is None or found.page is None:
            return self._refusal(request, path, environ)
        return self._handler(request, path, environ, found.variables, found.target, found.page)

    def _handler(
        self,
        request: RoutedRequest,
        path: str,
        environ: Environ,
        variables: dict[str, Any],
        target: Target,
        page: Endpoint,
    ) -> Handler | None:
        request.route = target.template
        request.config = self._config(request, path, target, page)
        request.routed = self, path, variables, target.route
        visible = request.path_info
        request.is_index = path.endswith("/") and (not visible or visible.endswith("/"))
        if path and not visible and _request.wants_slash(request, "missing"):
            request.is_index = None  # else the tool would redirect by itself
            _request.overlook_body(request, environ)
            return _request.Answer(_urls.to_other_slash, request)
        if self.register and not hasattr(_urls.thread, "registered"):
            _urls.register_thread()
        if target.route.redirect:
            _request.overlook_body(request, environ)
            return _request.Answer(_urls.follow, self, target.route, variables)
        params = request.params
        params.update(variables)
        if not self.full_result:
            params.pop("controller", None)
            params.pop("action", None)
        if "%2F" in path:
            target.decode_slashes(params)
        if request.query_string or may_have_body(environ):
            _request.protect(request, target.variables)
        return page.handler()

    def _refusal(self, request: RoutedRequest, path: str, environ: Environ) -> Handler | None:
        """Return what answers where no handler does: OPTIONS, 405, another slash, or None."""
        _request.overlook_body(request, environ)
        options = request.method == "OPTIONS"
        if options and _request.is_of_server(environ):
            self._label(request, path, None)
            _request.allow(self.named_methods())
            return _request.Answer(_request.no_content)
        answers = self.answers(path, environ)
        if not answers:
            self._label(request, path, None)
            return self._other_slash(request, path, environ)
        found = answers[_request.asked_method(request, answers)]
        self._label(request, path, found.target, found.page)
        _request.allow(answers)
        return _request.Answer(_request.no_content) if options else cherrypy.HTTPError(405)

    def _label(
        self,
        request: RoutedRequest,
        path: str,
        target: Target | None,
        page: Endpoint | None = None,
    ) -> None:
        """Give the request the config and the label of the route that its path belongs to."""
        if target and page is None:
            page = target.fixed or self.built(target, target.controller, target.action)
        request.config = self._config(request, path, target, page)
        request.route = target.template if target else None

    def _other_slash(self, request: RoutedRequest, path: str, environ: Environ) -> Handler | None:
        """Return a redirect to the same path with, or without, its slash, if that is answered.

        ``tools.trailing_slash`` says whether, as for CherryPy's own dispatcher.
        """
        extra = path.endswith("/")
        if path == "/" or not _request.wants_slash(request, "extra" if extra else "missing"):
            return None
        if request.path_info.endswith("/") is not extra:
            return None  # the slash is a wrapper's (XMLRPCDispatcher adds one)
        found = self.find(path[:-1] if extra else path + "/", environ)
        if not found or not found.page:
            return None
        self._label(request, path, found.target, found.page)
        return _request.Answer(_urls.to_other_slash, request)

    def _config(
        self,
        request: RoutedRequest,
        path: str,
        target: Target | None = None,
        page: Endpoint | None = None,
    ) -> dict[str, Any]:
        """Merge the request's config; what comes later overrides what came before."""
        sections = request.app.config
        root = getattr(request.app.root, "_cp_config", None) or {}
        slash, code = sections.get("/", {}), page.config if page else {}
        if len(sections) == 1 and slash:  # PERF: no section but "/", as most often.
            config = {**cherrypy.config, **root, **slash, **code}
            if STATICDIR not in config:
                return config
        place = target.section if target else "/"
        layers = [("global", cherrypy.config), ("/", root), ("/", slash), (place, code)]
        depth = self._depths.of(sections)
        layers.extend(along(sections, path, target.sections if target else (), depth))
        return merged(layers)


def _check_at_start(dispatcher: RoutesDispatcher) -> None:
    """Log the faults of *dispatcher* whenever the engine starts, as long as it is in use.

    A wrong setting of a tool of cpkit's, in any mounted application, ends the start.
    """
    check_at_start(cherrypy.engine)
    alive = weakref.ref(dispatcher)

    def start() -> None:
        dispatcher = alive()
        for fault in faults(dispatcher) if dispatcher is not None else ():
            cherrypy.engine.log(fault, WARNING)

    # After CherryPy's checker (50), before anything is served.
    cherrypy.engine.subscribe("start", start, priority=51)
    weakref.finalize(dispatcher, cherrypy.engine.unsubscribe, "start", start).atexit = False
