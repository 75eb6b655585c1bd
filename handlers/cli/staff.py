"""Commands about accounts: staff add, list, disable, reset-password."""

from __future__ import annotations

import sys

import click

from bot.errors import NotPossible, PeerSupportError
from handlers.cli.parts import State, pass_state
from handlers.reaching import contact_of
from storage import Tx
from storage.records import Role, Staff

ALIAS_LENGTH = 40


def add_to(group: click.Group) -> None:
    """Put the commands of this file into the group."""
    group.add_command(staff)


@click.group()
def staff() -> None:
    """Accounts of supporters, duty leads, coordinators, admins and reviewers."""


def _password_options(command: click.decorators.FC) -> click.decorators.FC:
    once = click.option(
        "--generate", is_flag=True, help="Make one that must be changed at the first sign-in."
    )
    stdin = click.option("--password-stdin", is_flag=True, help="Read it from standard input.")
    return once(stdin(command))


@staff.command()
@click.argument("login")
@click.option("--alias", required=True, help="The first name or nickname that students see.")
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), default="supporter", show_default=True
)
@_password_options
@pass_state
def add(state: State, login: str, *, alias: str, role: str, generate: bool, password_stdin: bool) -> None:
    """Add an account that signs in as LOGIN."""
    login, alias = login.strip(), alias.strip()
    if not login or not alias or len(alias) > ALIAS_LENGTH:
        raise click.ClickException(f"LOGIN and --alias need 1 to {ALIAS_LENGTH} characters")
    with state.current_storage() as storage:
        password_hash, shown = _password(login, generate=generate, from_stdin=password_stdin)

        def work(tx: Tx) -> None:
            now = state.parts.clock()
            staff_id = tx.staff.add(login, alias, Role(role), password_hash, now)
            tx.audit.add(now, None, "staff_added", None, f"{staff_id}:{role}")
            tx.wake("screens")

        storage.write(work)
    click.echo(f"{alias} can sign in now ({role}).")
    _show(shown)


@staff.command()
@click.argument("login")
@click.option(
    "--email", default="", help="Where alerts go by e-mail [default: the login, if it is an address]."
)
@click.option("--phone", default="", help="Where alerts go by the webhook, such as +4700000000.")
@pass_state
def contact(state: State, login: str, *, email: str, phone: str) -> None:
    """Say where alerts reach an account. What is left out is forgotten."""
    try:
        kept_email, kept_phone = contact_of(email, phone)
    except NotPossible as error:
        raise click.ClickException(f"--{error} is none") from None
    with state.current_storage() as storage:

        def work(tx: Tx) -> Staff:
            person = _find(tx, login)
            tx.staff.set_contact(person.id, email=kept_email, phone=kept_phone)
            tx.audit.add(state.parts.clock(), None, "contact_changed", None, str(person.id))
            return person

        person = storage.write(work)
    click.echo(f"Alerts for {person.alias} go there from now on.")


@staff.command("list")
@pass_state
def list_(state: State) -> None:
    """Every account: login, alias, role, and whether it is disabled."""
    with state.current_storage() as storage:
        people = storage.read(lambda tx: list(tx.staff.all()))
    if not people:
        click.echo("No accounts yet. Add one: peersupport staff add LOGIN --alias NAME")
    for person in people:
        note = "  disabled" if person.disabled else ""
        click.echo(f"{person.login:<24} {person.alias:<16} {person.role}{note}")


@staff.command()
@click.argument("login")
@pass_state
def disable(state: State, login: str) -> None:
    """Close an account and end its sessions at once. What the person did stays in the record."""
    with state.current_storage() as storage:

        def work(tx: Tx) -> Staff:
            now = state.parts.clock()
            person = _find(tx, login)
            tx.staff.disable(person.id, now)
            tx.audit.add(now, None, "staff_disabled", None, str(person.id))
            tx.wake("screens")
            return person

        person = storage.write(work)
    click.echo(f"{person.alias} can no longer sign in.")


@staff.command("reset-password")
@click.argument("login")
@_password_options
@pass_state
def reset_password(state: State, login: str, generate: bool, password_stdin: bool) -> None:
    """Give an account another password and end its sessions."""
    with state.current_storage() as storage:
        storage.read(lambda tx: _find(tx, login))  # before a password is asked for
        password_hash, shown = _password(login, generate=generate, from_stdin=password_stdin)

        def work(tx: Tx) -> Staff:
            person = _find(tx, login)
            tx.staff.set_password(person.id, password_hash)
            tx.sessions.end_all(person.id)
            tx.audit.add(state.parts.clock(), None, "password_reset", None, str(person.id))
            tx.wake("screens")
            return person

        person = storage.write(work)
    click.echo(f"{person.alias} has another password now.")
    _show(shown)


def _find(tx: Tx, login: str) -> Staff:
    found = tx.staff.by_login(login.strip())
    if found is None:
        raise PeerSupportError("There is no account with this login: see `peersupport staff list`.")
    return found[0]


def _password(login: str, *, generate: bool, from_stdin: bool) -> tuple[str, str | None]:
    """The hash to keep, and the password to show when we made it up. A chosen one is never shown."""
    from handlers.console import passwords  # argon2 takes a while to load, and few commands need it

    if generate and from_stdin:
        raise click.ClickException("--generate and --password-stdin exclude each other")
    if generate:
        made_up = passwords.one_time_password()
        return passwords.hash_one_time(made_up), made_up
    if from_stdin:
        chosen = sys.stdin.readline().rstrip("\r\n")
    else:
        chosen = click.prompt("Password", hide_input=True, confirmation_prompt="The same again")
    problem = passwords.password_problem(chosen, "en", login)
    if problem:
        raise click.ClickException(problem)
    return passwords.hash_password(chosen), None


def _show(password: str | None) -> None:
    if password:
        click.echo(f"Password for the first sign-in: {password}")
