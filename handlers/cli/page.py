"""Commands about the Page on Meta's side: page setup, page doctor."""

from __future__ import annotations

from collections.abc import Iterable

import click

from handlers.cli.page_checks import Check, examine, set_up
from handlers.cli.parts import State, pass_state
from handlers.environment import FOR_ALL


@click.group()
def page() -> None:
    """The Facebook Page: its Messenger profile, subscriptions and token."""


@page.command()
@pass_state
def setup(state: State) -> None:
    """Write greeting, menu, "Get started" and subscriptions to Meta; safe to repeat."""
    env = state.environment(FOR_ALL)
    _print(set_up(state.parts.messenger(env), env, state.served(env)))


@page.command()
@pass_state
def doctor(state: State) -> None:
    """Look at token, subscriptions, profile and webhook, and say what to do. Changes nothing."""
    env = state.environment(FOR_ALL)
    _print(examine(state.parts.messenger(env), env, state.served(env)))


def _print(checks: Iterable[Check]) -> None:
    """One line a check, as it comes in; exit code 1 when any is not as it should be."""
    failed = False
    for each in checks:
        click.echo(f"{'ok' if each.ok else 'FAILED':<7} {each.name}")
        if each.advice:
            click.echo(f"        {each.advice}")
        failed |= not each.ok
    if failed:
        raise SystemExit(1)
