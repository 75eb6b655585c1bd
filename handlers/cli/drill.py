"""Commands about drills: an invented student raises an alert, and the real ladder is climbed."""

from __future__ import annotations

from typing import Literal

import click

from bot.conversation import Tier
from handlers.cli.parts import State, pass_state
from handlers.drills import Drills
from storage import Storage


@click.group()
def drill() -> None:
    """Try the ladder with a student who does not exist. Notifications say that it is a drill."""


@drill.command()
@click.option("--tier", type=click.Choice(["critical", "high"]), default="critical", show_default=True)
@pass_state
def start(state: State, tier: Literal["critical", "high"]) -> None:
    """Begin a drill. A running worker climbs the ladder until somebody takes the alert in the console."""
    with state.current_storage() as storage:
        _drills(state, storage).start(None, Tier(tier))
    click.echo("The drill is on. `peersupport drill stop` ends it.")


@drill.command()
@pass_state
def stop(state: State) -> None:
    """End the drill and take the invented student away."""
    with state.current_storage() as storage:
        count = _drills(state, storage).stop(None)
    click.echo("The drill is over." if count else "No drill is on.")


def _drills(state: State, storage: Storage) -> Drills:
    content = state.served_from(storage)
    return Drills(storage, lambda: content, state.parts.clock)
