"""The Flask blueprint of the demo: Graph endpoints, the page, and the page's own API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template, request

from handlers.simulator.demo_api import ClockControl, add_api
from handlers.simulator.endpoints import add_graph
from handlers.simulator.faults import MODES
from handlers.simulator.graph import StandIn
from handlers.simulator.guard import is_demo_token
from handlers.simulator.poster import Poster
from handlers.simulator.standalone import standing_graph
from handlers.simulator.webhooks import REACTIONS
from handlers.simulator.words import WORDS

__all__ = ["ClockControl", "StaffLink", "create_blueprint", "standing_graph"]

OSLO = ZoneInfo("Europe/Oslo")
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
StaffLink = tuple[str, "str | Mapping[str, str]", str]  # name, role label (or one per language), path


def create_blueprint(
    stand_in: StandIn,
    poster: Poster,
    clock_control: ClockControl,
    staff_links: Sequence[StaffLink],
    *,
    sign_in: Callable[[int], Response] | None = None,
    prefix: str = "/simulator",
    zone: ZoneInfo = OSLO,
    page_name: str = "Peer Support Oslo",
    rehearsal: Callable[[str], str | None] | None = None,
) -> Blueprint:
    """Everything under `prefix`: `/graph/v../...`, the page, `/api/...`, `/sign-in/<n>`, `/rehearsal/<n>`.

    `rehearsal(psid)` is a student's conversation as a file to download; None when there is none.

    `sign_in(n)` signs the console frame in as `staff_links[n]` and answers with a redirect to its page.
    Raises ValueError when the stand-in holds a token that is not the demo's own.
    """
    if not is_demo_token(stand_in.token):
        raise ValueError("the demo only runs with its own token, which starts with demo-")
    blueprint = Blueprint(
        "simulator",
        __name__,
        url_prefix=prefix,
        static_folder="static",
        static_url_path="/static",
        template_folder="templates",
    )
    add_graph(blueprint, stand_in)
    stand_in.attach(poster)
    if not stand_in.threads:
        stand_in.new_student()
    signed_in = {"n": 0}
    add_api(blueprint, stand_in, poster, clock_control, zone=zone, signed_in=signed_in)

    @blueprint.get("")
    @blueprint.get("/")
    def page() -> Response:
        wanted = request.args.get("lang") or request.accept_languages.best_match(["nb", "no", "nn", "en"])
        language = "en" if wanted == "en" else "nb"
        links = [
            (name, role if isinstance(role, str) else role[language], path)
            for name, role, path in staff_links
        ]
        html = render_template(
            "simulator/page.html",
            words={**WORDS[language], "page_name": page_name},
            language=language,
            staff=links,
            modes=MODES,
            reactions=list(REACTIONS.values()),
            root=prefix,
            signs_in=sign_in is not None,
            saves=rehearsal is not None,
        )
        response = Response(html)
        response.headers.update(
            {
                "Content-Security-Policy": CSP,
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            }
        )
        return response

    @blueprint.get("/sign-in/<int:n>")
    def sign_in_as(n: int) -> Response:
        if sign_in is None or not 0 <= n < len(staff_links):
            abort(404)
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            abort(403)
        signed_in["n"] = n
        stand_in.touch()
        return sign_in(n)

    @blueprint.get("/rehearsal/<int:number>")
    def save_rehearsal(number: int) -> Response:
        """Of "Student 1": the page-scoped id stays out of the address."""
        thread = next((each for each in list(stand_in.threads.values()) if each.number == number), None)
        text = rehearsal(thread.psid) if rehearsal is not None and thread is not None else None
        if text is None:
            abort(404)
        response = Response(text, content_type="application/yaml; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="student-{number}.yaml"'
        response.headers["Cache-Control"] = "no-store"
        return response

    return blueprint
