"""Limits and fixed numbers that Meta sets. Source, where nothing else is said: the Send API reference, the
quick reply, Messenger Profile and persistent menu pages of the Messenger Platform documentation.
"""

from __future__ import annotations

BODY_BYTES = 10 * 1024 * 1024  # of a webhook POST; Meta names no figure, real ones are a few kB
INBOUND_TEXT = 200_000  # characters of one inbound text that are read for danger; real ones stay far below

PART_UNITS = 1900  # UTF-16 units of one outbound text; Meta says "less than 2000" without naming the unit
QUICK_REPLIES = 13
QUICK_REPLY_TITLE = 20
PAYLOAD = 1000

GREETING = 160
MENU_ITEMS = 20
MENU_TITLE = 30

INBOX_APP_ID = "263902037430900"  # Meta's own Page inbox (Conversation Routing page)
LIKE_STICKER_ID = "369239263222822"  # the thumbs-up

WEBHOOK_FIELDS = (  # without response_feedback: subscribing puts thumbs under every bot message
    "messages",
    "messaging_postbacks",
    "message_echoes",
    "message_deliveries",
    "message_reads",
    "message_reactions",
    "message_edits",
    "messaging_referrals",
    "messaging_handovers",
    "standby",
    "messaging_policy_enforcement",
)

CONVERSATIONS = 25  # of one answer of the Conversations API
PAST_MESSAGES = 20  # of a conversation: older ones cannot always be read (reference page of Conversation)
CONVERSATIONS_PAUSE_SECONDS = 0.6  # between two calls; Meta allows two a second ("Rate limiting")
PAST_FIELDS = (  # without participants: names that nobody here needs
    f"updated_time,messages.limit({PAST_MESSAGES})"
    "{id,created_time,from,message,sticker,attachments{mime_type}}"
)
