"""Commands about the store and its keys: migrate, keys new, erase."""

from __future__ import annotations

import secrets
import sys

import click

from bot.conversation import Tier, changed
from bot.errors import PeerSupportError
from handlers.cli.parts import State, pass_state
from handlers.environment import new_keys
from handlers.turns import erase as erase_contact
from storage import Tx

_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that look alike on paper


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
        done = storage.write(lambda tx: _erase(state, tx, psid))
        if done is None:
            raise PeerSupportError(
                "Not yet: there may be danger, and a person has to see to this contact first. It is noted, and the"
                " contact is erased when the conversation is closed."
            )
        code, at_once = done
        words = (
            "Erased."
            if at_once
            else "Noted. Erased by the worker as soon as what they have just written is read."
        )
        click.echo(f"{words} Confirmation code: {code}")


def _erase(state: State, tx: Tx, psid: str) -> tuple[str, bool] | None:
    """The code, and whether it is done already. None: somebody may be in danger, and deletion waits."""
    now = state.parts.clock()
    contact_id = tx.contacts.find(psid)
    if contact_id is None or not tx.contacts.lock(contact_id):
        raise PeerSupportError("Nothing is kept of a contact with this PSID.")
    conv = tx.conversations.get(contact_id, now)
    if conv.tier.rank >= Tier.HIGH.rank:
        tx.conversations.save(changed(conv, {"erase_on_close": True}), now)
        tx.audit.add(now, None, "erasure_waits", contact_id, None)
        return None
    code = "".join(secrets.choice(_LETTERS) for _ in range(10))
    done = erase_contact(tx, conv, code, now)
    tx.wake("screens")
    return code, done
