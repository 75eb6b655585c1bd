"""Commands about the store and its keys: migrate, keys new, erase."""

from __future__ import annotations

import secrets
import sys

import click

from bot.errors import PeerSupportError
from handlers.cli.parts import State, pass_state
from handlers.environment import new_keys
from storage import Tx

_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that look alike on paper


def add_to(group: click.Group) -> None:
    """Put the commands of this file into the group."""
    for command in (migrate, keys, erase):
        group.add_command(command)


@click.command()
@pass_state
def migrate(state: State) -> None:
    """Prepare the database for this version; safe to repeat."""
    with state.storage() as storage:
        storage.migrate(state.parts.clock())
    click.echo("The database is ready.")


@click.group()
def keys() -> None:
    """Keys that everything is encrypted with."""


@keys.command()
def new() -> None:
    """Print fresh values for SECRET_KEY and DATA_KEYS, for the environment or .env. Keeps them nowhere."""
    for name, value in new_keys().items():
        click.echo(f"{name}={value}")


@click.command()
@click.option("--psid-stdin", is_flag=True, help="Erase the contact whose PSID stands on standard input.")
@click.option("--code", metavar="CODE", help="Say when the erasure with this confirmation code was done.")
@pass_state
def erase(state: State, psid_stdin: bool, code: str | None) -> None:
    """Erase all that is kept of one contact, or look an erasure up.

    The PSID is read from standard input, so that it stays out of shell history and process lists.
    """
    if psid_stdin == (code is not None):
        raise click.ClickException("say either --psid-stdin or --code CODE")
    with state.current_storage() as storage:
        if code is not None:
            wanted = code.strip().upper()
            done_at = storage.read(lambda tx: tx.contacts.erasure(wanted))
            if done_at is None:
                raise PeerSupportError("No erasure has this code.")
            click.echo(f"Erased {done_at:%Y-%m-%d %H:%M} UTC.")
            return
        psid = sys.stdin.readline().strip()
        if not (psid.isascii() and psid.isdigit()):
            raise click.ClickException("standard input must hold one PSID: digits only")
        click.echo(f"Erased. Confirmation code: {storage.write(lambda tx: _erase(state, tx, psid))}")


def _erase(state: State, tx: Tx, psid: str) -> str:
    now = state.parts.clock()
    contact_id = tx.contacts.find(psid)
    if contact_id is None:
        raise PeerSupportError("Nothing is kept of a contact with this PSID.")
    code = "".join(secrets.choice(_LETTERS) for _ in range(10))
    tx.contacts.erase(contact_id, code, now)
    tx.audit.add(now, None, "erased", contact_id, None)
    tx.wake("screens")
    return code
