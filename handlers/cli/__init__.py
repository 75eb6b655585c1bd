"""The command line. `build_cli` gets everything it runs handed over, so nothing here knows the application."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from bot.errors import PeerSupportError
from handlers.cli.parts import DemoOptions, Parts, State
from storage import StorageUnavailable

__all__ = ["DemoOptions", "Parts", "build_cli"]

# Each command and the file beside this one that it stands in. A file is read when one of its commands is wanted:
# a server would hold for life what all the others need.
_FILES = {
    **dict.fromkeys(("demo", "web", "worker", "serve", "release"), "serving"),
    **dict.fromkeys(("check", "chat", "hours", "init"), "content"),
    **dict.fromkeys(("migrate", "keys", "erase"), "data"),
    **dict.fromkeys(("backup", "restore"), "backup"),
    **{name: name for name in ("rehearse", "flows", "staff", "drill", "page", "risk")},
}


class _Sentences(click.Group):
    """Says in a sentence what we foresaw, on standard error, with exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them."""
        return sorted(_FILES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them, from its file."""
        file = _FILES.get(cmd_name)
        return getattr(import_module(f"handlers.cli.{file}"), cmd_name) if file else None

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

    return peersupport
