"""Commands about what is published: flows publish, versions, restore, diff, export."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import click

from bot.differences import FileChange, differences
from bot.errors import PeerSupportError
from bot.translated import sentence_in
from bot.versions import Choice, Plan
from handlers.cli.parts import State, pass_state
from handlers.environment import reader_language
from handlers.publishing import Publishing, Standing
from storage import Storage, Tx
from storage.publishing_records import Origin, PublishedSet
from storage.records import Role

F = TypeVar("F", bound=Callable[..., Any])
CHOICES = ("finish", "move", "people")
_REASONS = {
    "phrases": "phrases or rules that mean danger",
    "cards": "texts of the emergency cards",
    "numbers": "phone numbers, addresses or hours of services",
    "danger": "steps or choices that mean danger",
    "alerts": "who is told of an alert, and when",
    "sign_in": "how one signs in",
    "channel": "how Meta is reached",
}


@click.group()
def flows() -> None:
    """Published sets: what students meet. Files on disk are import and export."""


def _publishing_options(command: F) -> F:
    """What publish and restore both ask."""
    for option in reversed(
        (
            click.option("--why", required=True, help="For the history, in a sentence."),
            click.option(
                "--second", metavar="LOGIN", help="The coordinator who agreed, where that is needed."
            ),
            click.option(
                "--running", type=click.Choice(CHOICES), help="What becomes of conversations under way."
            ),
            click.option(
                "--move",
                "moves",
                multiple=True,
                metavar="FLOW.STEP=FLOW.STEP",
                help="From a step that is gone.",
            ),
        )
    ):
        command = option(command)
    return command


@flows.command()
@_publishing_options
@click.option("--made-from", type=int, metavar="N", help="The set that the files on disk were made from.")
@pass_state
def publish(
    state: State,
    *,
    why: str,
    second: str | None,
    running: Choice | None,
    moves: Sequence[str],
    made_from: int | None,
) -> None:
    """Make the files on disk the newest set. Nothing happens when they are the newest set already."""
    files = state.files()
    with state.current_storage() as storage:
        publishing = state.publishing(storage)
        base, old = publishing.newest()
        if base is None:
            click.echo(f"Published as set {publishing.first(files)}.")
            return
        if old == files:
            click.echo(f"Nothing differs from set {base}.")
            return
        _refuse_to_undo(storage, base, old, files, made_from)
        _publish(state, storage, publishing, base, files, why, second, running, moves, "disk")


@flows.command()
@click.argument("number", type=int)
@_publishing_options
@pass_state
def restore(
    state: State, number: int, *, why: str, second: str | None, running: Choice | None, moves: Sequence[str]
) -> None:
    """Publish set NUMBER once more, as a new set. Nothing is taken out of the history."""
    with state.current_storage() as storage:
        publishing = state.publishing(storage)
        base, _ = publishing.newest()
        files = publishing.files_of(number)
        _publish(state, storage, publishing, base, files, why, second, running, moves, "restore")


@flows.command()
@pass_state
def versions(state: State) -> None:
    """Every set: when, who, why; and how many students are still on it."""
    with state.current_storage() as storage:
        found = storage.read(lambda tx: tx.published.all())
        underway = storage.read(lambda tx: tx.conversations.underway())
        names = storage.read(_aliases)
    for each in found:
        on_it = sum((one.flow_set or 1) == each.number for one in underway)
        click.echo(f"{each.number:>4}  {each.at:%Y-%m-%d %H:%M} UTC  {_who(each, names)}  {each.why}")
        if on_it:
            click.echo(f"      {_students(on_it)} on it")
    if not found:
        click.echo("Nothing has been published yet.")


@flows.command()
@click.argument("old", type=int, required=False)
@click.argument("new", type=int, required=False)
@click.option("--words", is_flag=True, help="Only the summary.")
@pass_state
def diff(state: State, old: int | None, new: int | None, *, words: bool) -> None:
    """What differs: from the newest set to the disk, from set OLD to the newest, or from OLD to NEW."""
    with state.current_storage() as storage:
        publishing = state.publishing(storage)
        base, newest = publishing.newest()
        before = newest if old is None else publishing.files_of(old)
        after = state.files() if old is None else newest if new is None else publishing.files_of(new)
    changes = differences(before, after)
    _show(changes, words=words)
    if not changes:
        click.echo("Nothing differs.")
    elif old is None:
        click.echo(f"From set {base} to the files on disk.", err=True)


@flows.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--set", "number", type=int, help="[default: the newest]")
@click.option("--force", is_flag=True, help="Overwrite files that differ.")
@pass_state
def export(state: State, folder: Path, *, number: int | None, force: bool) -> None:
    """Write the files of a set into DIR, for those who keep them in git."""
    with state.current_storage() as storage:
        publishing = state.publishing(storage)
        found = publishing.newest()[0] if number is None else number
        if found is None:
            raise PeerSupportError("Nothing has been published yet.")
        files = publishing.files_of(found)
    paths = {name: folder / name for name in files if _is_inside(name)}
    for name in files.keys() - paths.keys():
        click.echo(f"{name} lies outside the folder and is left out.", err=True)
    taken = [
        name for name, path in paths.items() if path.exists() and path.read_bytes() != files[name].encode()
    ]
    if taken and not force:
        raise PeerSupportError(f"These differ in {folder}: {', '.join(taken)}. --force overwrites them.")
    for name, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name].encode())
    click.echo(f"Wrote set {found} into {folder}. After changes: flows publish --made-from {found}")


def _publish(
    state: State,
    storage: Storage,
    publishing: Publishing,
    base: int | None,
    files: dict[str, str],
    why: str,
    second: str | None,
    running: Choice | None,
    moves: Sequence[str],
    origin: Origin,
) -> None:
    preview = publishing.preview(files)
    if preview.problems:
        language = reader_language()
        raise PeerSupportError("\n".join(sentence_in(each, language) for each in preview.problems))
    _show(preview.changes, words=True)
    for warning in preview.warnings:
        click.echo(f"to think about: {sentence_in(warning, reader_language())}", err=True)
    plan = _plan(preview.standing, running, moves)
    second_id = _second(storage, second, preview.reasons)
    number = publishing.publish(
        files, base=base, by=None, why=why, plan=plan, second=second_id, origin=origin
    )
    click.echo(f"Published as set {number}. Every process uses it within seconds.")


def _plan(standing: Sequence[Standing], running: Choice | None, moves: Sequence[str]) -> Plan:
    """What the operator chose for conversations under way; asked for when somebody's step is gone."""
    for line in _standing_lines(standing):
        click.echo(line)
    chosen = dict(_move(each) for each in moves)
    gone = sorted({each.place for each in standing if each.gone})
    choice = running or ("move" if chosen else None)
    if choice is None and gone:
        if not sys.stdin.isatty():
            raise PeerSupportError(
                "Say what becomes of them: --running finish (on the old set), --running people (to a person), "
                f"or --move {gone[0]}=FLOW.STEP"
            )
        choice = click.prompt("finish on the old set, move, or hand to people", type=click.Choice(CHOICES))
    if choice == "move":
        for where in gone:
            if where not in chosen and sys.stdin.isatty():
                chosen[where] = click.prompt(f"{where} moves to", default="people")
        missing = [where for where in gone if where not in chosen]
        if missing:
            raise PeerSupportError(
                f"Say where these go: {', '.join(f'--move {each}=...' for each in missing)}"
            )
    return Plan(choice=choice or "finish", moves=chosen)


def _move(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not equals:
        raise PeerSupportError(f"--move {text}: write FLOW.STEP=FLOW.STEP, or FLOW.STEP=people")
    return old.strip(), new.strip()


def _standing_lines(standing: Sequence[Standing]) -> list[str]:
    """ "7 students are on set 12, 2 of them at a step that is gone: intake.topic"."""
    lines = []
    for number in sorted({each.number for each in standing}):
        here = [each for each in standing if each.number == number]
        gone = [each for each in here if each.gone]
        line = f"{_students(sum(each.students for each in here))} on set {number}"
        if gone:
            places = ", ".join(f"{each.place} ({each.students})" for each in gone)
            line += f", {sum(each.students for each in gone)} of them at a step that is gone: {places}"
        lines.append(line)
    return lines


def _second(storage: Storage, login: str | None, reasons: Sequence[str]) -> int | None:
    if login is None:
        if reasons:
            said = ", ".join(_REASONS[each] for each in reasons)
            raise PeerSupportError(
                f"This changes {said}, so a second coordinator has to agree: --second LOGIN. It is kept in the history."
            )
        return None
    found = storage.read(lambda tx: tx.staff.by_login(login))
    if found is None or found[0].disabled or found[0].role is not Role.COORDINATOR:
        raise PeerSupportError(f"--second {login}: no coordinator with an open account has this login")
    return found[0].id


def _refuse_to_undo(
    storage: Storage, base: int, old: dict[str, str], files: dict[str, str], made_from: int | None
) -> None:
    """Files that were changed in the console since the disk's last set are not overwritten by accident."""
    known = made_from or storage.read(lambda tx: tx.published.last_from_disk()) or base
    before = storage.read(lambda tx: tx.published.files(known))
    lost = [
        name
        for name in sorted({**old, **before})
        if old.get(name) != before.get(name) and files.get(name) != old.get(name)
    ]
    if lost:
        raise PeerSupportError(
            f"Published since set {known}, and not on disk: {', '.join(lost)}. Publishing would undo that. "
            f"Take it over (flows export), then say --made-from {base}."
        )


def _show(changes: Sequence[FileChange], *, words: bool) -> None:
    for each in changes:
        for change in each.changes:
            click.echo(f"{each.name}: {change}")
    for each in changes if not words else ():
        click.echo(f"\n{each.diff}")


def _is_inside(name: str) -> bool:
    """danger.extra_phrases may name a file anywhere."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _students(count: int) -> str:
    return f"{count} {'student is' if count == 1 else 'students are'}"


def _aliases(tx: Tx) -> dict[int, str]:
    return {staff.id: staff.alias for staff in tx.staff.all()}


def _who(each: PublishedSet, names: dict[int, str]) -> str:
    by = names.get(each.by, "?") if each.by is not None else each.origin
    return by if each.second is None else f"{by}, agreed by {names.get(each.second, '?')}"
