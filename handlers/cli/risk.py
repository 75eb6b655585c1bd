"""`peersupport risk`: read texts for danger from the command line, and measure how well it goes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, cast

import click

from bot.risk import Finding
from bot.risk_reader import Reader
from bot.risk_whole import gravest, standing
from handlers.cli.parts import State, pass_state
from handlers.cli.risk_report import Labelled, alarms, report

WINDOW = 10  # messages that are read together, as in the service


class BadLineError(Exception):
    """A line that is not what was asked for; the sentence says what to write instead, never what it held."""


@click.group()
def risk() -> None:
    """Read texts for danger with the phrases on disk."""


@risk.command()
@pass_state
def scan(state: State) -> None:
    """Read JSON lines from standard input: {"id", "text"} or {"id", "messages": [...]}; one line out for each.

    A list is read as the service reads it, message by message: `reached` is the highest tier after any message,
    which is what the service alarms on, and `final` the tier of the last. `tier` is how the conversation stands
    when it is read as a whole after its last message: as `reached`, or graver, or none when what alarmed is
    explained later. A line that cannot be read is named on standard error; exit 1 then.
    """
    reader = _reader(state)
    wrong = False
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            said = scanned(reader, parsed(line))
        except BadLineError as error:
            wrong = True
            click.echo(f"line {number}: {error}", err=True)
            continue
        click.echo(json.dumps(said, ensure_ascii=False))
    if wrong:
        raise SystemExit(1)


@risk.command("report")
@click.argument("file", required=False, type=click.File(encoding="utf-8"))
@pass_state
def report_command(state: State, file: TextIO | None) -> None:
    """Misses and false alarms per language and category, on the rules' own examples or on a labelled FILE.

    FILE holds JSON lines with "id", "tier" and "text" or "messages", and may have "lang" and "category".
    Texts are not printed, only ids. Intervals are Wilson's, 95 %. Conversations count as they stand in the end;
    how many alarm the service on the way is counted apart.
    """
    reader = _reader(state)
    rows = list(_labelled(file) if file else _examples(reader))
    if not rows:
        raise click.ClickException("there is nothing to measure in that file")
    said = [scanned(reader, row.case) for row in rows]
    lines = report(rows, [str(each["tier"]) for each in said])
    talks = [
        (row.tier, str(each["reached"])) for row, each in zip(rows, said, strict=True) if "reached" in each
    ]
    click.echo("\n".join([*lines, *alarms(talks)]))


def _reader(state: State) -> Reader:
    return cast(Reader, cast(Any, state.parts.load_content(state.home)).phrases)


def parsed(line: str) -> dict[str, Any]:
    """One line as {"id", "text"} or {"id", "messages"}. Raises BadLineError."""
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        raise BadLineError("this is not JSON") from None
    if not isinstance(row, dict) or not isinstance(row.get("id"), str | int):
        raise BadLineError('write an object with "id" and "text", or "id" and "messages"')
    if ("text" in row) == ("messages" in row):
        raise BadLineError('give either "text" or "messages"')
    if "text" in row and not isinstance(row["text"], str):
        raise BadLineError('"text" must be text')
    messages = row.get("messages")
    if "messages" in row and not (
        isinstance(messages, list) and messages and all(isinstance(each, str) for each in messages)
    ):
        raise BadLineError('"messages" must be a list of texts, at least one')
    return row


def scanned(reader: Reader, row: dict[str, Any]) -> dict[str, Any]:
    """What the reader says of a row, as it is printed."""
    if "text" in row:
        return _shown(row["id"], reader.read(row["text"]))
    messages: list[str] = row["messages"]
    found = [reader.read(text, messages[max(0, at - WINDOW) : at]) for at, text in enumerate(messages)]
    reached, last = gravest(found), found[-1]
    return {
        **_shown(row["id"], standing(reader, messages, found)),
        "reached": str(reached.tier) if reached else "none",
        "final": str(last.tier) if last else "none",
    }


def _shown(id: object, found: Finding | None) -> dict[str, Any]:
    if found is None:
        return {"id": id, "tier": "none", "category": None, "rule": None, "matched": []}
    return {
        "id": id,
        "tier": str(found.tier),
        "category": found.category,
        "rule": found.rule,
        "matched": list(found.matched),
    }


def _labelled(file: Iterable[str]) -> Iterator[Labelled]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = parsed(line)
        except BadLineError as error:
            raise click.ClickException(f"line {number}: {error}") from None
        if row.get("tier") not in ("critical", "high", "elevated", "none"):
            raise click.ClickException(f'line {number}: "tier" must be critical, high, elevated or none')
        yield Labelled(
            str(row["id"]), str(row.get("lang", "-")), str(row.get("category", "-")), row["tier"], row
        )


def _examples(reader: Reader) -> Iterator[Labelled]:
    """The rules' own hits, and what must mean nothing. A rule's misses may mean something less; they are left out."""
    file = cast(Any, reader).file
    for rule in file.rules:
        for number, text in enumerate(rule.hits, 1):
            name = f"{rule.id} hit {number}"
            yield Labelled(name, "-", rule.category, rule.tier, {"id": name, "text": text})
    for number, text in enumerate(file.never, 1):
        yield Labelled(f"never {number}", "-", "none", "none", {"id": f"never {number}", "text": text})
