"""Commands about what the service says, and when: check, chat, hours, init."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from bot.ladder import warnings
from bot.verified import aged
from handlers.cli.hours_report import report
from handlers.cli.parts import State, pass_state

_HANDLERS = Path(__file__).parents[1]
PACKAGED = _HANDLERS / "defaults"  # in an installed package
CHECKOUT = _HANDLERS.parent  # beside app.py


def add_to(group: click.Group) -> None:
    """Put the commands of this file into the group."""
    for command in (check, chat, hours, init):
        group.add_command(command)


@click.command()
@click.option("--records", is_flag=True, help="Also prove that no record of a serious case was changed.")
@pass_state
def check(state: State, records: bool) -> None:
    """Read config, flows, texts, services and risk phrases, and say what is wrong, and where."""
    problems = [str(problem) for problem in state.parts.check_files(state.home)]
    if not problems:
        settings = state.parts.load_content(state.home).settings
        for warning in warnings(settings):
            click.echo(f"config.yaml: to think about: {warning}", err=True)
        today = state.parts.clock().astimezone(settings.service_hours.zone).date()
        for old in aged(state.files(), today):
            click.echo(f"to think about: {old}", err=True)
    if records:
        problems += _record_problems(state)
    for problem in problems:
        click.echo(problem)
    if problems:
        raise SystemExit(1)
    click.echo("Everything is in order.")


def _record_problems(state: State) -> list[str]:
    with state.current_storage() as storage:
        found, count = storage.read(lambda tx: (tx.escalations.verify(), tx.escalations.count()))
    click.echo(f"Read {count} lines in the records of serious cases.", err=True)
    return [f"records: {problem}" for problem in found]


@click.command()
@click.option("--at", metavar="TIME", help='As if it were "2026-11-29 22:00" (the service\'s time).')
@click.option("--language", type=click.Choice(["nb", "en"]), help="Start in this language.")
@pass_state
def chat(state: State, at: str | None, language: str | None) -> None:
    """Be a student, here in the terminal, with the flows on disk."""
    state.parts.run_chat(state.home, state.instant(at), language)


@click.command()
@click.option("--year", type=click.IntRange(1970, 2099), help="[default: this year]")
@pass_state
def hours(state: State, year: int | None) -> None:
    """When the service is open in a year, and which closed stretches outlast Meta's limits for answers."""
    settings = state.parts.load_content(state.home).settings
    this_year = state.parts.clock().astimezone(settings.service_hours.zone).year
    click.echo("\n".join(report(settings, year or this_year)))


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Copy the flows, the texts and a config into DIR, to change them there."""
    source = PACKAGED if PACKAGED.is_dir() else CHECKOUT
    taken = [name for name in ("config.yaml", "flows") if (folder / name).exists()]
    if taken:
        raise click.ClickException(f"{folder / taken[0]} is there already; nothing has been changed")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source / "flows", folder / "flows")
    shutil.copyfile(source / "config.yaml", folder / "config.yaml")
    click.echo(f"Copied flows/ and config.yaml into {folder}.")
    click.echo(f"Next: peersupport --home {folder} check")
