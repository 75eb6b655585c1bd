"""Commands that run the service: demo, web, worker, serve, release."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import click

from bot.errors import PeerSupportError
from handlers.cli.apart import apart
from handlers.cli.parts import DemoOptions, State, pass_state
from handlers.environment import FOR_ALL, FOR_RECEIVING, FOR_SENDING, FOR_STORAGE, Environment, disk_problem
from handlers.logs import setup_logging
from storage import Storage


def add_to(group: click.Group) -> None:
    """Put the commands of this file into the group."""
    for command in (demo, web, worker, serve, release):
        group.add_command(command)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--fresh", is_flag=True, help="Throw away what the last demo left.")
@click.option(
    "--at", metavar="TIME", help="Start the demo's clock at \"2026-11-29 22:00\" (the service's time)."
)
@pass_state
def demo(state: State, port: int, no_browser: bool, fresh: bool, at: str | None) -> None:
    """The whole service in your browser, with a stand-in for Messenger. Needs no accounts."""
    state.check()
    options = DemoOptions(
        home=state.home, port=port, browser=not no_browser, fresh=fresh, at=state.instant(at)
    )
    state.parts.run_demo(options)


@click.command()
@pass_state
def web(state: State) -> None:
    """The web process: webhook and console."""
    state.parts.run_web(_ready(state, FOR_RECEIVING))


@click.command()
@pass_state
def worker(state: State) -> None:
    """The worker process: handles events, sends messages, keeps time."""
    state.parts.run_worker(_ready(state, FOR_SENDING))


@click.command()
@pass_state
def serve(state: State) -> None:
    """Web and worker together, for one small machine. Prepares the database first."""
    env = _environment(state, FOR_ALL)
    state.check()
    with state.storage(env) as storage:
        storage.migrate(state.parts.clock())
        _show_services(state, env, storage)
    setup_logging()
    state.parts.run_serve(env)


@click.command()
@pass_state
def release(state: State) -> None:
    """Before a new version serves: check every file, prepare the database. Refuses mistakes."""
    env = _environment(state, FOR_STORAGE)
    state.check()
    if env.is_real:
        _refuse(state.parts.services_of(state.home).unverified())
    with state.storage(env) as storage:
        storage.migrate(state.parts.clock())
    click.echo("Files are in order, the database is ready.")


def _show_services(state: State, env: Environment, storage: Storage) -> None:
    """Before students of a real Page meet a number, a person has called it.

    The store remembers which services it has served to a real Page. What is among those stops no start any more:
    a service that runs can be started again at night, whoever has taken a signature away meanwhile. What is new in
    the file needs one, however the database was prepared and whatever served from it before: a trial run with the
    stand-in counts for nothing. `release` is stricter, since publishing can wait for a signature.
    """
    if not env.is_real:
        return
    served, unverified = apart(lambda: _services(state))
    known = storage.read(lambda tx: tx.shown_services.all())
    _refuse([each for each in unverified if each not in known])
    fresh = set(served) - known
    if fresh:
        storage.write(lambda tx: tx.shown_services.add(fresh, state.parts.clock()))


def _services(state: State) -> tuple[list[str], list[str]]:
    """The ids of all services, and of those that nobody has signed off."""
    services = state.parts.services_of(state.home)
    return list(services), list(services.unverified())


def _refuse(unverified: Sequence[str]) -> None:
    if unverified:
        raise PeerSupportError(
            "flows/services.yaml: nobody has verified "
            + ", ".join(unverified)
            + ". Call each number or open each "
            "page, and write verified_by and verified_on; or take the service out."
        )


def _ready(state: State, need: Collection[str]) -> Environment:
    """Everything that can be found wrong before a process serves is found here, and said."""
    env = _environment(state, need)
    state.check()
    with state.storage(env) as storage:
        if not storage.is_current():
            raise PeerSupportError(
                "The database is not prepared for this version: run `peersupport release`."
            )
        _show_services(state, env, storage)
    setup_logging()
    return env


def _environment(state: State, need: Collection[str]) -> Environment:
    env = state.environment(need)
    problem = disk_problem(env)
    if problem:
        raise PeerSupportError(problem)
    return env
