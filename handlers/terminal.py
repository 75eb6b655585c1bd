"""`peersupport chat`: be a student in your terminal, against the flows on disk."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import click

from bot.content import Content
from bot.messages import Choice
from handlers.local_chat import LocalChat, Said
from handlers.rehearsal import Act, Opening, script_of
from storage import Tx
from storage.records import Duty, Role

PSID = "terminal"
HELP = (
    "Write as a student would. A number taps that button. Also: /like /image /wait 30 (minutes) "
    "/at 2026-11-29 22:00 /queue /quit"
)


def run_chat(
    content: Content, at: datetime, *, language: str | None = None, save: Path | None = None
) -> None:
    """Talk until /quit or end of input. `at` is when the conversation starts (aware), to the minute.

    `save`: then write what was played there, as a rehearsal.
    """
    at = at.replace(second=0, microsecond=0)
    chat = LocalChat(content, at)
    acts: list[Act] = []
    try:
        _put_somebody_on_duty(chat)
        click.secho(HELP, dim=True)
        _clock(chat)
        if language:
            word = {"nb": "NORSK", "en": "ENGLISH"}[language]
            acts.append({"student writes": word})
            _show(chat.write(PSID, word))
        _converse(chat, acts)
    finally:
        chat.close()
    if save is not None and acts:
        save.write_text(script_of(content, Opening(name=save.stem.replace("-", " "), at=at), acts), "utf-8")
        click.echo(f"Saved as {save}.")


def _converse(chat: LocalChat, acts: list[Act]) -> None:
    buttons: tuple[Choice, ...] = ()
    while True:
        try:
            line = click.prompt("you", prompt_suffix="> ", default="", show_default=False).strip()
        except (EOFError, click.Abort):
            return
        if line in ("/quit", "/q"):
            return
        if line:
            said = _act(chat, line, buttons, acts)
            buttons = said[-1].choices if said else buttons
            _show(said)


def _act(chat: LocalChat, line: str, buttons: tuple[Choice, ...], acts: list[Act]) -> list[Said]:
    """Do what the line says; `acts` keeps what a rehearsal would have to do."""
    zone = chat.content.settings.service_hours.zone
    if line.isdigit() and 1 <= int(line) <= len(buttons):
        acts.append({"student taps": buttons[int(line) - 1].title})
        return chat.tap(PSID, buttons[int(line) - 1])
    if line in ("/like", "/image", "/audio"):
        acts.append({"student sends": "voice" if line == "/audio" else line[1:]})
        return chat.attach(PSID, line[1:])
    if match := re.fullmatch(r"/wait (\d{1,5})", line):
        acts.append({"silence": f"{match[1]} minutes"})
        said = chat.wait(timedelta(minutes=int(match[1])))
        _clock(chat)
        return said
    if match := re.fullmatch(r"/at (\d{4}-\d\d-\d\d[ T]\d\d:\d\d)", line):
        to = datetime.fromisoformat(match[1]).replace(tzinfo=zone)
        if to > chat.now:
            acts.append({"clock": match[1].replace("T", " ")})
        said = chat.wait(max(timedelta(0), to - chat.now))
        _clock(chat)
        return said
    if line == "/queue":
        conv = chat.conversation(PSID)
        click.secho(f"  {conv.status} {conv.tier} {conv.answers}" if conv else "  nobody yet", dim=True)
        return []
    if line.startswith("/"):
        click.secho(HELP, dim=True)
        return []
    acts.append({"student writes": line})
    return chat.write(PSID, line)


def _show(said: list[Said]) -> None:
    for one in said:
        click.echo()
        click.echo("\n".join(f"  {line}" for line in one.text.splitlines()))
        for number, choice in enumerate(one.choices, start=1):
            click.secho(f"    {number} {choice.title}", fg="cyan")
    click.echo()


def _clock(chat: LocalChat) -> None:
    local = chat.now.astimezone(chat.content.settings.service_hours.zone)
    state = "open" if chat.content.hours.is_open(chat.now) else "closed"
    click.secho(f"  {local:%A %d %B %Y %H:%M}, {state}", dim=True)


def _put_somebody_on_duty(chat: LocalChat) -> None:
    def add(tx: Tx) -> None:
        staff_id = tx.staff.add("chat", "Somebody", Role.SUPPORTER, "", chat.now)
        tx.staff.set_duty(staff_id, Duty.ON, chat.now)
        tx.staff.seen(staff_id, chat.now + timedelta(days=3650))

    chat.storage.write(add)
