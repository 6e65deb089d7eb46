"""The dispatcher that finds page handlers by Routes' templates."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import cherrypy

from cpkit.cherry import Request
from cpkit.routing.endpoint import Endpoint
from cpkit.routing.sections import STATICDIR, Depths, along, merged
from cpkit.routing.table import Environ, Found, RouteTable
from cpkit.routing.target import Target

from . import register as _register
from . import request as _request
from . import start_check as _lint
from . import urls as _urls


class RoutesDispatcher(RouteTable):
    """Find page handlers by Routes' templates: a drop-in for CherryPy's RoutesDispatcher.

    With *full_result* the handler also gets ``controller`` and ``action``. *mapper_options* are
    those of ``routes.Mapper``; with ``register=False`` the mapper isn't registered with
    ``routes.request_config()`` at each request, and ``routes.url_for`` doesn't work.

    A request is left with ``route`` (the template that matched, or None), ``dispatch_started``
    (``time.perf_counter_ns()``) and ``is_index``.
    """

    def __init__(self, full_result: bool = False, **mapper_options: Any) -> None:
        super().__init__(**mapper_options)
        self.full_result = full_result
        self.register: bool = mapper_options.get("register", True)
        self._depths = Depths()
        _lint.at_start(self)

    def redirect(self, url: str) -> None:
        """Redirect to *url* (what ``routes.redirect_to`` calls)."""
        raise cherrypy.HTTPRedirect(url)

    def url_for(
        self, name: str, /, _fragment: str | None = None, _relative: Any = None, **params: Any
    ) -> str:
        """Return the URL of the route *name*, as ``cherrypy.url`` does: with the mount point.

        *params* fill the template; what it has no place for becomes the query string. In a
        request the base is the request's (``tools.proxy`` included), outside of one the
        server's. Raises UrlError when there is no such route or *params* don't fit.
        """
        return _urls.url_for(self, name, params, fragment=_fragment, relative=_relative)

    def allowed_methods(self, request: Request) -> frozenset[str]:
        """Return the methods that the path of *request* answers: an exact ``Allow``."""
        path, environ = request.path_info or "/", _request.environ_of(request)
        return self.allowed(path, environ, self.find(path, environ))

    def __call__(self, path_info: str) -> None:
        """Set the handler, the config and the variables of the current request."""
        request = cherrypy.serving.request
        request.dispatch_started = time.perf_counter_ns()
        request.route, request.routed = None, (self, path_info, None, None)
        path = path_info or "/"  # the mount point without its slash
        if _request.is_malformed(path, request):
            request.config = self._config(request, path)
            request.handler = cherrypy.NotFound()
            return
        environ = _request.environ_of(request)
        try:
            found = self.find(path, environ)
        except Exception:  # a condition function's: the error page needs a config
            request.config = self._config(request, path)
            raise
        page = found and found.page(request.method)
        if found and page:
            self._serve(request, path, environ, found, page)
        else:
            self._refuse(request, path, environ, found)

    def _serve(
        self, request: Any, path: str, environ: Environ, found: Found, page: Endpoint
    ) -> None:
        variables, target = found.variables, found.target
        request.route = target.template
        request.is_index = path.endswith("/")
        request.config = self._config(request, path, target, page)
        request.routed = self, request.routed[1], variables, target.route
        if self.register and not hasattr(_register.thread, "registered"):
            _register.register_thread()
        if target.route.redirect:
            request.negotiable = False
            request.handler = partial(_urls.follow, self, target.route, variables)
            return
        params = request.params
        params.update(variables)
        if not self.full_result:
            params.pop("controller", None)
            params.pop("action", None)
        if "%2F" in path:
            target.decode_slashes(params)
        if request.query_string or _request.may_have_body(environ):
            _request.keep(request)
        handler = page.handler()
        request.handler = cherrypy.NotFound() if handler is None else _request.PageHandler(handler)

    def _refuse(self, request: Any, path: str, environ: Environ, found: Found | None) -> None:
        """Set what answers where no handler does: 404, 405, OPTIONS or another slash."""
        request.config = self._config(request, path)
        request.handler = cherrypy.NotFound()
        # NOTE: of a POST without a body CherryPy asks the length, with a 411, before all else.
        request.process_request_body = _request.may_have_body(environ)
        allowed = self.allowed(path, environ, found)
        if not allowed:
            self._try_other_slash(request, path, environ)
            return
        _request.allow(allowed)
        options = request.method == "OPTIONS"
        request.negotiable = not options
        request.handler = _request.no_content if options else cherrypy.HTTPError(405)
        request.route = found and found.target.template

    def _try_other_slash(self, request: Any, path: str, environ: Environ) -> None:
        """Let tools.trailing_slash redirect to the same path with, or without, its slash."""
        extra, conf = path.endswith("/"), request.config
        fault, default = ("extra", False) if extra else ("missing", True)
        if path == "/" or not conf.get("tools.trailing_slash.on"):
            return
        if not conf.get("tools.trailing_slash." + fault, default):
            return
        found = self.find(path[:-1] if extra else path + "/", environ)
        if found and found.page(request.method):
            request.is_index = not extra

    def _config(
        self,
        request: Any,
        path: str,
        target: Target | None = None,
        page: Endpoint | None = None,
    ) -> dict[str, Any]:
        """Merge the request's config; what comes later overrides what came before."""
        sections = request.app.config
        root = getattr(request.app.root, "_cp_config", None) or {}
        slash, code = sections.get("/", {}), page.config if page else {}
        depth = self._depths.of(sections)
        if not depth:  # PERF: no section but "/", as most often.
            config = {**cherrypy.config, **root, **slash, **code}
            if STATICDIR not in config:
                return config
        place = target.section if target else "/"
        layers = [("global", cherrypy.config), ("/", root), ("/", slash), (place, code)]
        layers.extend(along(sections, path, target.prefixes if target else (), depth))
        return merged(layers)
