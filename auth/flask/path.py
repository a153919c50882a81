"""The path of a request as the route matched it: the text of each variable, decoded once, whatever changes it later.

When the hook begins, ``request.view_args`` usually holds just that, and it is kept as it is then. Only if a
``url_value_preprocessor`` has run, which can take out or change values, or if a converter turns the text of an owner
into something else, the path is matched again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Set
from typing import Any, NamedTuple, cast

from flask import Flask, Request
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter, MapAdapter, Rule
from werkzeug.routing.exceptions import NoMatch
from werkzeug.routing.matcher import StateMachineMatcher

#: The attributes of a request that keep what Flask has matched, and what was read of its path again.
_MATCHED, _PATH = "_resource_server_matched", "_resource_server_path"


class _Read(NamedTuple):
    route: Rule
    texts: Mapping[str, Any]
    values: Mapping[str, Any]


def keep_matched(request: Request) -> None:
    """Keep the variables that Flask has matched, before other hooks and the view can change them."""
    vars(request)[_MATCHED] = (request.url_rule, {**(request.view_args or {})})


class _Kept(NamedTuple):
    """A variable of a path, and how the route converts it."""

    text: str
    convert: Callable[[str], Any]


class PathReader:
    """Reads the paths of one app. Caches what it finds per route."""

    def __init__(self) -> None:
        #: By the identity of a route, the variables that reach the view as the text that stood in the path: for them,
        #: what Flask has matched is that text, unless a preprocessor has run. Routes live as long as the app.
        self._as_matched: dict[int, Set[str]] = {}
        self._matchers: dict[int, StateMachineMatcher] = {}

    def read(self, app: Flask, request: Request, variables: Set[str]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return the texts of these variables as they stand in the path, and what their converters make of them.

        Both may hold other variables as well, as texts or converted.
        """
        route = request.url_rule
        if route is None:
            return {}, {}
        as_matched = self._as_matched.get(id(route))
        if as_matched is None:
            converters = route._converters.items()
            as_matched = {name for name, converter in converters if _hands_on_text(converter)}
            self._as_matched[id(route)] = as_matched
        if variables <= as_matched and not app.url_value_preprocessors:
            values = _matched(request, route)
            return values, values
        read: _Read | None = vars(request).get(_PATH)
        if read is None or read.route is not route:
            read = self._match_again(app, request, route)
            setattr(request, _PATH, read)
        return read.texts, read.values

    def _match_again(self, app: Flask, request: Request, route: Rule) -> _Read:
        """Match the path of a request against its route alone, with converters that keep the text."""
        matcher = self._matchers.get(id(route))
        if matcher is None:
            matcher = self._matchers[id(route)] = _text_matcher(route)
        # There is one, for the request was routed. What it matches is put together as in its own ``match``.
        adapter = cast("MapAdapter", app.create_url_adapter(request))
        is_by_host = adapter.map.host_matching or adapter.subdomain is None
        domain = adapter.server_name if is_by_host else cast("str", adapter.subdomain)
        path = f"/{adapter.path_info.lstrip('/')}" if adapter.path_info else ""
        try:
            _, found = matcher.match(domain, path, request.method, adapter.websocket)
        except NoMatch:
            raise NotFound from None
        texts = {name: kept.text if isinstance(kept, _Kept) else kept for name, kept in found.items()}
        if not app.url_value_preprocessors:
            # Not made again: a converter may look something up.
            return _Read(route, texts, _matched(request, route))
        values = {name: kept.convert(kept.text) if isinstance(kept, _Kept) else kept for name, kept in found.items()}
        return _Read(route, texts, values)


def _matched(request: Request, route: Rule) -> Mapping[str, Any]:
    """Return the variables that Flask has matched, as they were before the view could change them."""
    kept = vars(request).get(_MATCHED)
    return kept[1] if kept is not None and kept[0] is route else request.view_args or {}


def has_variable(route: Rule, variable: str) -> bool:
    """Tell whether a route has a variable."""
    return variable in route._converters


def has_text(route: Rule, variable: str) -> bool:
    """Tell whether a route has a variable that reaches the view as the text that stands in the path."""
    converter = route._converters.get(variable)
    return converter is not None and _hands_on_text(converter)


def _hands_on_text(converter: BaseConverter) -> bool:
    return type(converter).to_python is BaseConverter.to_python


def _text_matcher(route: Rule) -> StateMachineMatcher:
    """Return a matcher of one route alone, which matches what it matched and converts nothing."""
    twin = copy.copy(route)
    twin._converters = {name: _keeping_text(converter) for name, converter in route._converters.items()}
    matcher = StateMachineMatcher(merge_slashes=False)
    matcher.add(twin)
    return matcher


def _keeping_text(converter: BaseConverter) -> BaseConverter:
    # A copy, and no class made from it: whatever a service registers as a converter, this is what it made.
    twin: Any = copy.copy(converter)
    twin.to_python = lambda text: _Kept(text, converter.to_python)
    return cast("BaseConverter", twin)
