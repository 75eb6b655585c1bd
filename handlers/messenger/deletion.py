"""Meta's data deletion callback and the page it points people to.

Source: "Data deletion request callback". The id in it is app-scoped: it is not the PSID of a chat, and in
Europe there is no way from one to the other. So the callback itself can find nothing; the page says so, and
how to delete a conversation: by writing SLETT or DELETE in it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import re
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template_string, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge

from handlers.messenger import wire
from handlers.messenger.signature import parse_signed_request
from storage import Storage

log = logging.getLogger(__name__)

_CODE = re.compile(r"[A-Za-z0-9-]{4,64}")
_STYLE = (
    ":root{color-scheme:light dark}body{font:1.05rem/1.6 system-ui,sans-serif;max-width:38rem;"
    "margin:2rem auto;padding:0 1rem}h1{font-size:1.4rem}code{font-weight:bold}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGE = """<!doctype html>
<html lang="nb">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Sletting – Deletion – {{ page_name }}</title>
<style>{{ style|safe }}</style>
</head>
<body>
<main>
{% for part in parts %}
<section lang="{{ part.language }}">
<h1>{{ part.heading }}</h1>
{% if code %}<p>{{ part.code }} <code>{{ code }}</code></p>{% endif %}
{% for line in part.lines %}<p>{{ line }}</p>
{% endfor %}<p>{{ part.questions }} <a href="mailto:{{ contact_email }}">{{ contact_email }}</a></p>
</section>
{% endfor %}
</main>
</body>
</html>
"""


def blueprint(
    *,
    app_secret: str,
    storage: Storage,
    page_name: str,
    contact_email: str,
    public_url: str | None = None,
    zone: tzinfo = ZoneInfo("Europe/Oslo"),  # noqa: B008 - a constant
) -> Blueprint:
    """POST /deletion for Meta, GET /deletion and /deletion/<code> for people.

    `public_url`: how the service is reached from outside, when the request cannot tell. Exempt the blueprint
    from CSRF protection: the signed request is its protection.
    """
    routes = Blueprint("deletion", __name__)

    def page(code: str | None, erased_at: datetime | None) -> Response:
        html = render_template_string(
            _PAGE,
            page_name=page_name,
            contact_email=contact_email,
            style=_STYLE,
            code=code,
            parts=_parts(page_name, erased_at.astimezone(zone) if erased_at else None),
        )
        answer = Response(html, mimetype="text/html")
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
        )
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    @routes.post("/deletion")
    def requested() -> Response | tuple[dict[str, str], int]:
        request.max_content_length = 20_000
        try:
            signed = parse_signed_request(request.form.get("signed_request", ""), app_secret)
        except RequestEntityTooLarge:
            signed = None
        if signed is None:
            log.warning("deletion_refused", extra={"reason": "bad_signature"})
            return Response("FORBIDDEN", 403, mimetype="text/plain")
        code = _code(signed, app_secret)
        log.info("deletion_answered")
        path = url_for("deletion.status", code=code, _external=public_url is None)
        return {"url": (public_url or "").rstrip("/") + path, "confirmation_code": code}, 200

    @routes.get("/deletion")
    def instructions() -> Response:
        return page(None, None)

    @routes.get("/deletion/<code>")
    def status(code: str) -> Response:
        if not _CODE.fullmatch(code):
            return Response("NOT FOUND", 404, mimetype="text/plain")
        return page(code, storage.read(lambda tx: tx.contacts.erasure(code)))

    return routes


def _code(signed: dict[str, object], app_secret: str) -> str:
    """The same code each time the same person asks, without keeping or showing the id."""
    who = wire.text(signed.get("user_id")) or wire.text(signed.get("profile_id")) or ""
    made = hmac.new(app_secret.encode(), b"deletion " + who.encode(), hashlib.sha256).digest()
    return "M-" + base64.b32encode(made)[:16].decode()


def _parts(page_name: str, erased_at: datetime | None) -> list[dict[str, object]]:
    """What the page says, in both languages. `erased_at` on the reader's clock; None: nothing was found."""
    when = erased_at.strftime("%d.%m.%Y %H:%M") if erased_at else None
    return [
        {
            "language": "nb",
            "heading": "Sletting av samtalen din",
            "code": "Koden din:",
            "lines": [
                f"Samtalen ble slettet {when} (norsk tid). Det vi hadde lagret av den, kan ikke leses lenger.",
            ]
            if when
            else [
                "En slettemelding fra Facebook sier ikke hvilken samtale den gjelder. Vi får en id som "
                "hører til appen, og den kan ikke brukes til å finne en samtale i Messenger.",
                f"Slik sletter du samtalen med {page_name}: Skriv SLETT i chatten, og bekreft. "
                "Da sletter vi det vi har lagret, og du får en kode som du kan slå opp på denne siden.",
                "Meldingene i din egen Messenger sletter du selv i Messenger.",
            ],
            "questions": "Får du det ikke til, skriv til",
        },
        {
            "language": "en",
            "heading": "Deletion of your conversation",
            "code": "Your code:",
            "lines": [
                f"The conversation was deleted on {when} (Norwegian time). What we had kept of it can no "
                "longer be read.",
            ]
            if when
            else [
                "A deletion notice from Facebook does not say which conversation it is about. We get an id "
                "that belongs to the app, and it cannot be used to find a conversation in Messenger.",
                f"How to delete your conversation with {page_name}: write DELETE in the chat, and confirm. "
                "Then we delete what we have kept, and you get a code that you can look up on this page.",
                "The messages in your own Messenger you delete yourself, in Messenger.",
            ],
            "questions": "If it does not work, write to",
        },
    ]
