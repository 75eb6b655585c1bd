"""What makes the console an installable application: its manifest, and the page for when there is no network."""

from __future__ import annotations

from flask import jsonify, render_template, url_for
from flask.typing import ResponseReturnValue

from handlers.console.parts import parts
from handlers.console.words import WORDS

ICON_SIZES = (192, 512)


def manifest() -> ResponseReturnValue:
    """The web app manifest. The names of the service, and nothing of anybody in it."""
    icons = [
        {
            "src": url_for("console.static", filename=f"icon-{size}.png"),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": "any maskable",
        }
        for size in ICON_SIZES
    ]
    icons.append(
        {"src": url_for("console.static", filename="mark.svg"), "sizes": "any", "type": "image/svg+xml"}
    )
    answer = jsonify(
        name=parts().content().settings.page.name,
        short_name="Peer support",
        id="/console/",
        start_url="/console/",
        scope="/console/",
        display="standalone",
        background_color="#f7f5f1",
        theme_color="#1f6155",
        icons=icons,
    )
    answer.mimetype = "application/manifest+json"
    return answer


def offline_page() -> ResponseReturnValue:
    """Says that there is no connection, and which number works without it. It holds nothing of anybody: the only page
    that the browser's worker keeps.
    """
    services = parts().content().services
    return render_template("console/offline.html", service=services.get("amk"), words=WORDS)
