"""Commands that run the service: demo, web, worker, serve, release."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import click

from bot.errors import PeerSupportError
from handlers.cli.apart import apart
from handlers.cli.parts import DemoOptions, State, pass_state
from handlers.environment import FOR_ALL, FOR_RECEIVING, FOR_SENDING, FOR_STORAGE, Environment, disk_problem
from handlers.logs import setup_logging
from handlers.published import check_files, differing, newest_good, set_of, show_services, unverified_problem
from storage import Storage


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
    state.parts.run_web(_ready(state, FOR_RECEIVING, late=True))


@click.command()
@pass_state
def worker(state: State) -> None:
    """The worker process: handles events, sends messages, keeps time."""
    state.parts.run_worker(_ready(state, FOR_SENDING, late=False))


@click.command()
@pass_state
def serve(state: State) -> None:
    """Web and worker together, for one small machine. Prepares the database first."""
    env = _environment(state, FOR_ALL)
    with state.storage(env) as storage:
        storage.migrate(state.parts.clock())
        _can_serve(state, env, storage, late=False)
    setup_logging()
    state.parts.run_serve(env)


@click.command()
@pass_state
def release(state: State) -> None:
    """Before a new version serves: prepare the database, check what is published. Refuses mistakes.

    The first time it publishes what is on disk. Later it only says what differs from it there.
    """
    env = _environment(state, FOR_STORAGE)
    with state.storage(env) as storage:
        storage.migrate(state.parts.clock())
        content = set_of(storage, _newest(state, env, storage), late=True)
        if env.is_real and (problem := unverified_problem(content, frozenset())):
            raise PeerSupportError(problem)
        hashes = storage.read(lambda tx: tx.published.hashes(content.number or 0))
    differs = differing(state.home, state.parts.read_files, hashes)
    if differs:
        click.echo(
            f"On disk, not in set {content.number}, and left alone: {', '.join(differs)}\n"
            'Look: peersupport flows diff. Publish: peersupport flows publish --why "..."'
        )
    click.echo(f"Set {content.number} is in order, the database is ready.")


def _newest(state: State, env: Environment, storage: Storage) -> int:
    """The number of the newest set. Before the first one, what is on disk becomes it. Raises PeerSupportError."""
    number = storage.read(lambda tx: tx.published.newest_number())
    if number is None:
        state.publishing(storage, env).first(state.files())
        number = storage.read(lambda tx: tx.published.newest_number())
    return number or 0


def _can_serve(state: State, env: Environment, storage: Storage, *, late: bool) -> None:
    """There is a set that can be served, and somebody has called its numbers before a real Page shows them.

    `late` as the process wants it: it is read here, once, for its life.
    """
    _newest(state, env, storage)
    content, _ = newest_good(storage, late=late, check=_checked_apart)
    if env.is_real and (problem := show_services(storage, content, state.parts.clock())):
        raise PeerSupportError(problem)


def _checked_apart(files: Mapping[str, str]) -> list[str]:
    """What checking needs in memory is given back before the process serves."""
    return apart(lambda: check_files(files))


def _ready(state: State, need: Collection[str], *, late: bool) -> Environment:
    """Everything that can be found wrong before a process serves is found here, and said."""
    env = _environment(state, need)
    with state.storage(env) as storage:
        if not storage.is_current():
            raise PeerSupportError(
                "The database is not prepared for this version: run `peersupport release`."
            )
        _can_serve(state, env, storage, late=late)
    setup_logging()
    return env


def _environment(state: State, need: Collection[str]) -> Environment:
    env = state.environment(need)
    problem = disk_problem(env)
    if problem:
        raise PeerSupportError(problem)
    return env
