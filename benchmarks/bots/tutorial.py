"""The bot that most tutorials end with: read the body, send with pymessenger, then answer 200. For gunicorn.

Written anew from the example in pymessenger's documentation. It checks no signature and stores nothing, as there.
"""

from __future__ import annotations

from flask import Flask, request
from pymessenger.bot import Bot


def create(graph_url: str, token: str) -> Flask:
    """The application: gunicorn -w 2 -k sync 'tutorial:create(...)'."""
    app = Flask("tutorial")
    bot = Bot(token)
    bot.graph_url = f"{graph_url}/v26.0"

    @app.route("/webhook", methods=["GET", "POST"])
    def receive_message() -> str:
        if request.method == "GET":
            return request.args.get("hub.challenge", "")
        for event in request.get_json()["entry"]:
            for message in event["messaging"]:
                if message.get("message") and message["message"].get("text"):
                    bot.send_text_message(message["sender"]["id"], message["message"]["text"])
        return "Message Processed"

    return app
