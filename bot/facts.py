"""What a flow may ask about a conversation, and the words it may fill in."""

from __future__ import annotations

from bot.draft import Draft
from bot.flow.run import Facts
from bot.wording import week_in_words


def facts(draft: Draft, language: str | None = None) -> Facts:
    """The facts of this conversation now. `language`: other than the conversation's own."""
    conv = draft.conv
    page = draft.content.settings.page
    return Facts(
        language=language or conv.language,
        open_now=draft.in_hours,
        answers=conv.answers,
        safe=conv.safe_to_message,
        fields={
            "page_name": page.name,
            "privacy_url": page.privacy_url,
            "contact_email": page.contact_email,
            "hours": lambda words: week_in_words(draft.content.settings.service_hours, words),
            "next_open": draft.next_open_words,
        },
    )
