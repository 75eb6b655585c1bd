"""What a tap says about danger: by the button's mark, and by its words where they are not the button's own."""

from __future__ import annotations

from bot import answers, commands, danger, talk
from bot.conversation import Tier
from bot.draft import Draft
from bot.events import ChoiceTapped
from bot.flow import run
from bot.risk import Finding


def means_danger(draft: Draft, event: ChoiceTapped) -> Finding | None:
    """The danger that this tap tells of, if it does."""
    payload = event.payload
    if payload is None or not _is_ours(draft, payload):
        # Another app's button, or one of a step that is gone: its title is all we know, so read it as words.
        return danger.read(draft, event.title, event.mid, event.sent_at)
    marked = talk.means_danger(draft, None, payload)
    if _has_title(draft, payload, event.title):
        return marked
    # A button of ours under words that it does not bear now. Those of an earlier wording are most often harmless.
    read = draft.content.phrases.read(event.title)
    least = marked.tier.rank + 1 if marked else Tier.HIGH.rank
    return read if read is not None and read.tier.rank >= least else marked


def _is_ours(draft: Draft, payload: str) -> bool:
    """Whether the button stands for something here: a word, an answer to the bot, or a choice of a step."""
    is_word = commands.named(None, payload) is not None
    return is_word or answers.asked(draft, None, payload) is not None or talk.knows(draft, payload)


def _has_title(draft: Draft, payload: str, title: str) -> bool:
    answer = answers.asked(draft, None, payload)
    if answer is not None:
        return answers.titled(draft, answer[0], answers.fold(title)) == answer[1]
    shown = (*run.titles(draft.script, payload), *run.titles(draft.content, payload))
    return answers.fold(title) in {answers.fold(each) for each in shown}
