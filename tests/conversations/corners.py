"""What several of the talks at unlucky moments begin with."""

from __future__ import annotations

from bot.events import EchoReceived
from bot.messages import Choice

DANGER = "jeg vil ta livet mitt"
HEAVY = "verden hadde vært bedre uten meg"  # elevated


def waiting(chat):
    return chat.contact_writes("hei på dere").contact_writes("prate")


def inbox_answers(chat, app="inbox"):
    event = EchoReceived(sent_at=chat.now, mid=chat.local.new_mid(), app=app, text="Hei, dette er oss")
    return chat._said(chat.local.happens("A", event))


def tap(chat, payload):
    return chat._said(chat.local.tap("A", Choice(title="x", payload=payload)))


def purposes(chat):
    return [
        s.message.purpose for s in chat.local.channel.said[len(chat.local.channel.said) - len(chat.replies) :]
    ]
