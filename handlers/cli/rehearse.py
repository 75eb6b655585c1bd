"""`peersupport rehearse`: play the rehearsals, and say what differs, or what no rehearsal walks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import click

from bot.content import Content
from bot.rehearsal.read import FOLDER, is_rehearsal
from bot.translated import sentence_in
from handlers.cli.parts import State, pass_state
from handlers.environment import reader_language
from handlers.rehearsal import Result, coverage, rehearse_on, run_text, shown, table


@click.command()
@click.argument("paths", metavar="[FILE ...]", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--verbose", "-v", is_flag=True, help="Show every conversation, not only those that differ.")
@click.option("--coverage", "of_ways", is_flag=True, help="Say which steps and ways of the flows are walked.")
@click.option("--all", "every", is_flag=True, help="With --coverage: fail when any is missing.")
@click.option("--json", "as_json", is_flag=True, help="With --coverage: as JSON.")
@click.option(
    "--language",
    type=click.Choice(["en", "nb"]),
    default=reader_language,
    help="Of what differs.  [default: as this machine's, LANG]",
)
@pass_state
def rehearse(
    state: State,
    paths: tuple[Path, ...],
    verbose: bool,
    of_ways: bool,
    every: bool,
    as_json: bool,
    language: str,
) -> None:
    """Play flows/rehearsals/*.yaml, or these files, and show the conversation where something differs."""
    if (every or as_json) and not of_ways:
        raise click.UsageError("--all and --json belong to --coverage")
    files = state.parts.read_files(state.home)
    content = cast(Content, state.parts.load_content(state.home))
    results = _played(content, files, paths)
    zone = content.settings.service_hours.zone
    for result in results:
        if verbose or not result.passed:
            click.echo("\n".join(shown(result, zone, language)) + "\n", err=as_json)
    failed = [result for result in results if not result.passed]
    if of_ways:
        found = coverage(content, results)
        click.echo(json.dumps(found.as_json(), indent=2) if as_json else "\n".join(table(found)))
        if every and found.missing:
            raise SystemExit(1)
    _sum(results, failed, language, err=as_json)
    if failed:
        raise SystemExit(1)


def _played(content: Content, files: Mapping[str, str], paths: Sequence[Path]) -> list[Result]:
    if paths:
        return [run_text(content, _text(path), str(path)) for path in paths]
    if not any(is_rehearsal(name) for name in files):
        raise click.ClickException(f"there are no rehearsals in {FOLDER}")
    return rehearse_on(content, files)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise click.ClickException(f"{path}:1: is not UTF-8 text; save it as UTF-8") from None


def _sum(results: Sequence[Result], failed: Sequence[Result], language: str, *, err: bool) -> None:
    for result in failed:
        for problem in (*result.problems, *result.differences):
            click.echo(sentence_in(str(problem), language), err=err)
    good = len(results) - len(failed)
    click.echo(f"{good} of {len(results)} rehearsals went as expected.", err=err)
