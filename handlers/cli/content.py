"""Commands about what the service says, and when: check, chat, hours, init."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.findings import errors, level
from bot.translated import sentence_in
from bot.verified import aged
from bot.yaml_text import Problem
from handlers.cli.finding_formats import FORMATS, figures, in_words, word
from handlers.cli.hours_report import report
from handlers.cli.parts import State, pass_state
from handlers.environment import reader_language

if TYPE_CHECKING:
    from bot.checks import Report

_HANDLERS = Path(__file__).parents[1]
PACKAGED = _HANDLERS / "defaults"  # in an installed package
CHECKOUT = _HANDLERS.parent  # beside app.py


@click.command()
@click.option("--records", is_flag=True, help="Also prove that no record of a serious case was changed.")
@click.option(
    "--notes", is_flag=True, help="Also say what is no mistake, such as texts that are hard to read."
)
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", *FORMATS]),
    default="text",
    show_default=True,
    help="For people; for programs; for annotations on GitHub; for editors (SARIF 2.1.0).",
)
@click.option(
    "--language",
    type=click.Choice(["en", "nb"]),
    default=reader_language,
    help="Of what people read; that for programs is English.  [default: as this machine's, LANG]",
)
@pass_state
def check(state: State, records: bool, notes: bool, shape: str, language: str) -> None:
    """Read config, flows, texts, services and risk phrases, walk every way, and say what is wrong, and where."""
    report = state.parts.report_files(state.home)
    mistakes = errors(report.findings)
    if shape == "text":
        _tell(report, mistakes, notes, language)
        if not mistakes:
            _tell_old_numbers(state, language)
    else:
        click.echo(FORMATS[shape](report))
    damaged = _record_problems(state, language) if records else []
    for problem in damaged:
        click.echo(problem, err=shape != "text")
    if mistakes or damaged:
        raise SystemExit(1)
    if shape == "text":
        click.echo(word("fine", language))


def _tell(report: Report, mistakes: list[Problem], notes: bool, language: str) -> None:
    """Mistakes to the output; what is no mistake beside it."""
    for problem in report.findings:
        if problem in mistakes:
            click.echo(in_words(problem, language))
        elif notes or level(problem) == "warning":
            click.echo(in_words(problem, language), err=True)
    for line in figures(report, language):
        click.echo(line, err=True)


def _tell_old_numbers(state: State, language: str) -> None:
    zone = state.parts.load_content(state.home).settings.service_hours.zone
    for old in aged(state.parts.read_files(state.home), state.parts.clock().astimezone(zone).date()):
        click.echo(f"{word('think', language)}: {sentence_in(str(old), language)}", err=True)


def _record_problems(state: State, language: str) -> list[str]:
    with state.current_storage() as storage:
        found, count = storage.read(lambda tx: (tx.record_proof.verify(), tx.escalations.count()))
    click.echo(f"Read {count} lines in the records of serious cases.", err=True)
    return [f"records: {sentence_in(problem, language)}" for problem in found]


@click.command()
@click.option("--at", metavar="TIME", help='As if it were "2026-11-29 22:00" (the service\'s time).')
@click.option("--language", type=click.Choice(["nb", "en"]), help="Start in this language.")
@click.option(
    "--save",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="At the end, write what was played as a rehearsal.",
)
@pass_state
def chat(state: State, at: str | None, language: str | None, save: Path | None) -> None:
    """Be a student, here in the terminal, with the flows on disk."""
    if save is not None and save.exists():
        raise click.ClickException(f"{save} is there already; choose another name")
    state.parts.run_chat(state.home, state.instant(at), language, save)


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
