"""The path of a request as the route matched it: the text of each variable, decoded once, whatever changes it later.

Usually ``request.view_args`` holds just that. It does not after a ``url_value_preprocessor`` has run, which may take
values out or change them, nor for a converter that makes something else of the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, Request
from werkzeug.routing import BaseConverter, Map, Rule


class PathReader:
    """Reads the paths of one app. What it learns of a route it keeps."""

    def __init__(self) -> None:
        #: By the identity of a route, which holds its place for as long as the app lives.
        self._has_only_texts: dict[int, bool] = {}
        self._text_maps: dict[int, Map] = {}

    def has_only_texts(self, route: Rule | None) -> bool:
        """Tell whether every variable of a route reaches the view as the text that stood in the path."""
        known = self._has_only_texts.get(id(route))
        if known is None:
            known = route is None or all(map(_hands_on_text, route._converters.values()))
            self._has_only_texts[id(route)] = known
        return known

    def match_again(self, app: Flask, request: Request) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """Return the text of each variable in the path, and what its converter makes of the text.

        Routes the request once more, and then against the same route with converters that keep the text.
        """
        route, adapter = request.url_rule, app.create_url_adapter(request)
        if route is None or adapter is None:
            return {}, {}
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
