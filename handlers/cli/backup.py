"""Commands that copy the database and put a copy back: backup, restore."""

from __future__ import annotations

from pathlib import Path

import click

from handlers.cli.parts import State, pass_state
from storage import Keys
from storage.backup import back_up
from storage.backup import restore as put_back

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--force", is_flag=True, help="Write over FILE if it exists.")
@pass_state
def backup(state: State, file: Path, force: bool) -> None:
    """Copy the database to FILE while the service runs.

    The copy can be read by this account alone, and by nobody without the keys, which are not in it.
    """
    env = state.environment(need=())
    size = back_up(env.database_url, file, home=env.home, force=force)
    click.echo(f"{file}: {size / 1_000_000:.1f} MB.")
    click.echo(
        "SECRET_KEY and DATA_KEYS are not in it. Keep them, and keep them apart: without them it cannot be read."
    )


@click.command()
@click.argument("file", type=_FILE)
@click.option("--force", is_flag=True, help="Replace the database that is there.")
@pass_state
def restore(state: State, file: Path, force: bool) -> None:
    """Make FILE, written by `backup`, the database. Stop the service first.

    The keys must be those it was written with. What may have been sent since the copy was taken is not sent
    again but shown to people, and everybody signs in again.
    """
    env = state.environment()
    keys = Keys.from_environment(env.data_keys.get_secret_value(), env.secret_key.get_secret_value())
    done = put_back(env.database_url, file, keys, state.parts.clock(), home=env.home, force=force)
    click.echo("The database is restored." + (" It was of an older version." if done.migrated else ""))
    if done.uncertain:
        click.echo(f"Messages that may or may not have gone out, for people to look at: {done.uncertain}.")
    click.echo(
        "Erasures asked for since the copy was taken must be done again: `peersupport erase --psid-stdin`."
    )
    click.echo("Start the service: it reads from Meta what students wrote since, as far back as seven days.")
