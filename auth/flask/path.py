"""The path of a request as the route matched it: the text of each variable, decoded once, whatever changes it later.

Usually ``request.view_args`` holds just that. It does not after a ``url_value_preprocessor`` has run, which may take
values out or change them, nor for a converter that makes something else of the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from flask import Flask, Request
from werkzeug.routing import BaseConverter, Map, MapAdapter, Rule


class PathReader:
    """Reads the paths of one app. What it learns of a route it keeps."""

    def __init__(self) -> None:
        #: The identities of routes that hand every variable to the view as the text that stood in the path: for them,
        #: ``view_args`` are what was matched, unless a preprocessor has run. A route lives as long as its app.
        self.as_matched: set[int] = set()
        self._text_maps: dict[int, Map] = {}

    def read(self, app: Flask, request: Request) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return the text of each variable in the path, and what its converter makes of the text."""
        route = request.url_rule
        if route is None:
            return {}, {}
        if all(map(_hands_on_text, route._converters.values())):
            self.as_matched.add(id(route))
            if not app.url_value_preprocessors:
                values = request.view_args or {}
                return values, values
        return self._match_again(app, request, route)

    def _match_again(self, app: Flask, request: Request, route: Rule) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Route the request once more, and then against the same route with converters that keep the text."""
        # There is one, for the request was routed.
        adapter = cast("MapAdapter", app.create_url_adapter(request))
        _, values = adapter.match(method=request.method)
        text_map = self._text_maps.get(id(route))
        if text_map is None:
            text_map = self._text_maps[id(route)] = _text_map(app.url_map, route)
        bound = text_map.bind(
            adapter.server_name,
            adapter.script_name,
            adapter.subdomain,
            adapter.url_scheme,
            adapter.default_method,
            adapter.path_info,
        )
        _, texts = bound.match(method=request.method)
        return texts, values


def has_text(route: Rule, variable: str) -> bool:
    """Tell whether a route has a variable that reaches the view as the text that stands in the path."""
    converter = route._converters.get(variable)
    return converter is not None and _hands_on_text(converter)


def _hands_on_text(converter: BaseConverter) -> bool:
    return type(converter).to_python is BaseConverter.to_python


def _text_map(url_map: Map, route: Rule) -> Map:
    """Return a map of one route alone, which matches what it matched and converts nothing."""
    return Map(
        [route.empty()],
        converters={name: _keeping_text(kind) for name, kind in url_map.converters.items()},
        default_subdomain=url_map.default_subdomain,
        strict_slashes=url_map.strict_slashes,
        merge_slashes=url_map.merge_slashes,
        host_matching=url_map.host_matching,
    )


def _keeping_text(kind: type[BaseConverter]) -> type[BaseConverter]:
    class KeepingText(kind):  # type: ignore[misc, valid-type]  # a class that is only known here
        def to_python(self, value: str) -> str:
            return value

    return KeepingText
