"""The command line. `build_cli` gets everything it runs handed over, so nothing here knows the application."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bot.errors import PeerSupportError
from handlers.cli import backup, content, data, drill, flows, page, rehearse, risk, serving, staff
from handlers.cli.parts import DemoOptions, Parts, State
from storage import StorageUnavailable

__all__ = ["DemoOptions", "Parts", "build_cli"]


class _Sentences(click.Group):
    """Says in a sentence what we foresaw, on standard error, with exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except StorageUnavailable as error:
            raise click.ClickException(
                f"The database cannot be used now ({error}). Look at the disk, and at who may write there."
            ) from None
        except PeerSupportError as error:
            raise click.ClickException(str(error)) from None
        except (PermissionError, FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise click.ClickException(f"{error.filename}: {(error.strerror or 'cannot be used')}") from None


def build_cli(parts: Parts) -> click.Group:
    """The command `peersupport`."""

    @click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(parts.version, prog_name="peersupport", message="%(prog)s %(version)s")
    @click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder with config.yaml, flows/ and data/ [default: this folder, else the checkout].",
    )
    @click.pass_context
    def peersupport(ctx: click.Context, home: Path | None) -> None:
        """Peer support in Messenger: guided intake, a queue for supporters, danger noticed at any hour."""
        ctx.obj = State(parts=parts, home=(home or parts.home).absolute())

    commands: list[Callable[[click.Group], None]] = [
        serving.add_to,
        content.add_to,
        rehearse.add_to,
        flows.add_to,
        staff.add_to,
        drill.add_to,
        data.add_to,
        backup.add_to,
        page.add_to,
        risk.add_to,
    ]
    for add_to in commands:
        add_to(peersupport)
    return peersupport
