"""Commands about accounts: staff add, list, disable, reset-password, second-factor-off, contact."""

from __future__ import annotations

import click

from bot.errors import NotPossible, PeerSupportError
from handlers import accounts
from handlers.cli.parts import State, pass_state
from handlers.reaching import contact_of
from storage import Tx
from storage.profile import Trained
from storage.records import Role, Staff

_WRONG = {
    "alias_length": f"--alias needs 1 to {accounts.ALIAS_LENGTH} characters",
    "alias_odd": "--alias needs a letter, and cannot have signs such as @ and /",
    "alias_taken": "somebody else has that alias already",
    "email": "--email is none",
    "login": f"LOGIN can have at most {accounts.LOGIN_LENGTH} characters",
    "login_taken": "that login is taken",
}


@click.group()
def staff() -> None:
    """Accounts of supporters, duty leads, coordinators, admins and reviewers."""


@staff.command()
@click.argument("login")
@click.option("--alias", required=True, help="The first name or nickname that students see.")
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), default="supporter", show_default=True
)
@click.option("--email", default="", help="Where alerts go by e-mail [default: the login, if it is one].")
@click.option(
    "--training",
    type=click.Choice(["basic", "full"]),
    default="full",
    show_default=True,
    help="How far it is.",
)
@pass_state
def add(state: State, login: str, *, alias: str, role: str, email: str, training: Trained) -> None:
    """Add an account that signs in as LOGIN, and print the link with which its owner chooses a password."""
    alias = " ".join(alias.split())
    with state.current_storage() as storage:
        try:
            person, token = storage.write(
                lambda tx: accounts.add(
                    tx,
                    state.parts.clock(),
                    None,
                    alias=alias,
                    role=Role(role),
                    email=email,
                    login=login,
                    trained=training,
                )
            )
        except NotPossible as error:
            raise click.ClickException(_WRONG[str(error)]) from None
    click.echo(f"{person.alias} has an account now ({role}).")
    _show(state, token)


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
@pass_state
def reset_password(state: State, login: str) -> None:
    """End an account's password and sessions, and print the link with which its owner chooses another."""
    with state.current_storage() as storage:

        def work(tx: Tx) -> tuple[Staff, str]:
            person = _find_open(tx, login)
            return person, accounts.new_password_link(tx, person, state.parts.clock(), None)

        person, token = storage.write(work)
    click.echo(f"{person.alias} is signed out; the old password has ended.")
    _show(state, token)


@staff.command("second-factor-off")
@click.argument("login")
@pass_state
def second_factor_off(state: State, login: str) -> None:
    """For a lost phone: end an account's second factor and sessions. It is set up anew at the next sign-in."""
    with state.current_storage() as storage:

        def work(tx: Tx) -> Staff:
            person = _find_open(tx, login)
            accounts.remove_second_factor(tx, person, state.parts.clock(), None)
            return person

        person = storage.write(work)
    click.echo(f"{person.alias} is signed out, and sets up the phone at the next sign-in with the password.")


def _find(tx: Tx, login: str) -> Staff:
    found = tx.staff.by_login(login.strip())
    if found is None:
        raise PeerSupportError("There is no account with this login: see `peersupport staff list`.")
    return found[0]


def _find_open(tx: Tx, login: str) -> Staff:
    found = _find(tx, login)
    if found.disabled:
        raise PeerSupportError("This account is disabled.")
    return found


def _show(state: State, token: str) -> None:
    hours = accounts.LINK_LIVES.total_seconds() / 3600
    address = state.served().settings.ladder.console_url
    click.echo(f"Send this link to them, and nowhere else. It works for {hours:.0f} hours, once:")
    click.echo(accounts.link_address(address, token))
    if "://example.org" in address:
        click.echo(
            "(ladder.console_url in config.yaml is not your console's address yet: put that in front.)"
        )
