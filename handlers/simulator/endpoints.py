"""The Graph API's endpoints as Flask sees them."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, jsonify, request

from handlers.simulator.faults import GraphError, bad_parameter
from handlers.simulator.graph import StandIn

Json = dict[str, Any]

METHODS = ["GET", "POST", "DELETE"]


def add_graph(blueprint: Blueprint, stand_in: StandIn, prefix: str = "/graph") -> None:
    """Answer `prefix`/v26.0/... as the Graph API does."""

    def graph(version: str, path: str) -> Response:
        if not re.fullmatch(r"v\d+\.\d+", version):
            return _plain_error(GraphError(2500, "Unknown path components", kind="OAuthException"))
        try:
            body = _body()
        except GraphError as error:
            return _plain_error(error)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else None
        answer = stand_in.call(
            request.method, f"/{path}", params=request.args.to_dict(), body=body, bearer=bearer
        )
        if answer.hold_seconds != 0:
            stand_in.switch.hold(answer.hold_seconds)
        return Response(
            answer.data, status=answer.status, headers=answer.headers, content_type=answer.content_type
        )

    blueprint.add_url_rule(
        f"{prefix}/<version>/<path:path>",
        "graph",
        graph,
        methods=METHODS,
        provide_automatic_options=False,
    )


def _plain_error(error: GraphError) -> Response:
    response = jsonify(error.body("A"))
    response.status_code = error.status
    return response


def _body() -> Json:
    """The parameters in the body: JSON, or a form."""
    if not request.is_json:
        return request.form.to_dict()
    data = request.get_json(silent=True)
    if not isinstance(data, dict):
        raise bad_parameter("The body must be a JSON object")
    return data
