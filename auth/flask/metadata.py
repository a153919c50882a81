"""Serves the metadata of the resources of an app, for everybody, and says which routes lie below a resource."""

from __future__ import annotations

from flask import Flask, Request, Response
from werkzeug.routing import Rule

from ..wire.metadata import ResourceMetadata
from .declarations import mark_public
from .own_routes import add_own_routes
from .server import this_app, this_request

#: The endpoint of the documents; a service may have one that is called like the RFC.
ENDPOINT = "resource_server_metadata"

#: The attribute of a request that is answered with a document.
_ANSWERED = "_resource_server_document"

#: Scripts of any origin may read the documents: they are public, and no cookie or token changes them. Browsers do not
#: let ``*`` stand for ``Authorization`` (Fetch §4.8), which some clients send here too.
_FOR_SCRIPTS = {"Access-Control-Allow-Origin": "*"}
_TO_PREFLIGHT = _FOR_SCRIPTS | {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "*, Authorization",
    "Access-Control-Max-Age": "3600",
}

_METHODS = ("GET", "HEAD", "OPTIONS")


def serve_metadata(app: Flask, metadata: ResourceMetadata) -> None:
    """Answer requests for the documents, and add their routes to an app.

    The path alone decides: to Flask another route may match better, such as one for every path of one host. The paths
    are free.
    """
    documents = metadata.documents()

    def serve_document(**_host: str) -> Response:
        request = this_request()
        setattr(request, _ANSWERED, True)
        if request.method == "OPTIONS":
            return Response(status=204, headers=_TO_PREFLIGHT)
        document = documents[request.path]
        response = this_app().response_class(document.body, mimetype="application/json", headers=_FOR_SCRIPTS)
        response.headers["Cache-Control"] = "public, max-age=3600"
        response.set_etag(document.etag)
        response.make_conditional(request)
        return response

    def serve_by_path() -> Response | None:
        request = this_request()
        return serve_document() if request.path in documents and request.method in _METHODS else None

    mark_public(serve_document)
    add_own_routes(app, documents, ENDPOINT, serve_document, methods=["GET", "OPTIONS"])
    app.before_request(serve_by_path)


def is_document(request: Request) -> bool:
    """Tell whether a request is answered with a document, so that its credentials mean nothing."""
    return _ANSWERED in vars(request)


def outside_of_resources(route: Rule, metadata: ResourceMetadata | None) -> str | None:
    """Return in a sentence that a route lies below no resource; None if it lies below one, whatever its variables."""
    if metadata is None:
        return None
    path = route.rule
    if "<" in path:
        # The segment with the first variable may be any.
        path = path.partition("<")[0].rpartition("/")[0]
    if metadata.resource_at(path) is not None:
        return None
    names = " and ".join(resource.identifier for resource in metadata.resources)
    return (
        f"The route lies below no resource of AUTH_RESOURCE ({names}), so no client could find where tokens come from. "
        "Add the URL that it lies below, or set APPLICATION_ROOT to the path at which clients reach this app."
    )
