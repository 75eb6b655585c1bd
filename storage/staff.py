"""Staff: accounts, roles, who is on duty. Logins, aliases and password hashes are sealed with the service key."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Literal

from storage.engine import Row
from storage.errors import StorageError
from storage.profile import Profile, Trained, as_text, from_text
from storage.records import Duty, Role, Staff
from storage.sealing import new_uid
from storage.store import Store
from storage.times import from_ms_or_none, to_ms

_OWN = tuple(each.name for each in fields(Profile))


class StaffStore(Store):
    """Accounts are disabled, never deleted: the audit log goes on naming them."""

    def add(self, login: str, alias: str, role: Role, password_hash: str, now: datetime) -> int:
        """A new account's id. Raises StorageError when the login is taken; letter case makes no difference."""
        uid, seal = new_uid(), self._tx.keys.seal
        staff_id = self._value(
            "INSERT INTO staff (uid, login_hash, login, alias, password, role, created_at)"
            " VALUES (:uid, :login_hash, :login, :alias, :password, :role, :now)"
            " ON CONFLICT (login_hash) DO NOTHING RETURNING id",
            uid=uid,
            login_hash=self._login_hash(login),
            login=seal(login, "staff.login", uid),
            alias=seal(alias, "staff.alias", uid),
            password=seal(password_hash, "staff.password", uid),
            role=Role(role).value,
            now=to_ms(now),
        )
        if staff_id is None:
            raise StorageError("that login is taken")
        self._tx.wake("screens")
        return int(staff_id)

    def all(self) -> list[Staff]:
        """Everybody, disabled ones too, in the order they were added."""
        return [self._opened(row) for row in self._all("SELECT * FROM staff ORDER BY id")]

    def leads(self) -> list[Staff]:
        """Duty leads and coordinators whose accounts are open."""
        rows = self._all(
            "SELECT * FROM staff WHERE role IN ('duty_lead', 'coordinator') AND disabled_at IS NULL ORDER BY id"
        )
        return [self._opened(row) for row in rows]

    def get(self, staff_id: int) -> Staff | None:
        """One account."""
        row = self._one("SELECT * FROM staff WHERE id = :id", id=staff_id)
        return self._opened(row) if row else None

    def by_login(self, login: str) -> tuple[Staff, str] | None:
        """The account with this login, in any letter case, and its password hash."""
        row = self._one("SELECT * FROM staff WHERE login_hash = :hash", hash=self._login_hash(login))
        if row is None:
            return None
        return self._opened(row), self._tx.keys.open(row["password"], "staff.password", row["uid"])

    def on_duty(self, now: datetime, reachable_since: datetime) -> list[Staff]:
        """Those on duty whose console was connected at `reachable_since` or later (and not after `now`)."""
        rows = self._all(
            "SELECT * FROM staff WHERE duty = 'on' AND disabled_at IS NULL AND seen_at >= :since"
            " AND paused_at IS NULL ORDER BY id",
            since=to_ms(reachable_since),
        )
        return [self._opened(row) for row in rows]

    def on_duty_ids(self, reachable_since: datetime) -> tuple[int, ...]:
        """As `on_duty`, for each decision: the ids alone, without opening any name."""
        rows = self._all(
            "SELECT id FROM staff WHERE duty = 'on' AND disabled_at IS NULL AND seen_at >= :since"
            " AND paused_at IS NULL ORDER BY id",
            since=to_ms(reachable_since),
        )
        return tuple(row["id"] for row in rows)

    def set_password(self, staff_id: int, password_hash: str) -> None:
        """Another password; an empty hash is none. Sessions go on; end them with `sessions.end_all`."""
        row = self._one("SELECT uid FROM staff WHERE id = :id", id=staff_id)
        if row is not None:
            sealed = self._tx.keys.seal(password_hash, "staff.password", row["uid"])
            self._run("UPDATE staff SET password = :password WHERE id = :id", id=staff_id, password=sealed)

    def set_role(self, staff_id: int, role: Role) -> None:
        """Another role."""
        self._run("UPDATE staff SET role = :role WHERE id = :id", id=staff_id, role=Role(role).value)
        self._tx.wake("screens")

    def set_duty(self, staff_id: int, duty: Duty, now: datetime) -> None:
        """On duty, having a pause, or off."""
        self._run(
            "UPDATE staff SET duty = :duty, duty_at = :now WHERE id = :id",
            id=staff_id,
            duty=Duty(duty).value,
            now=to_ms(now),
        )
        self._tx.wake("screens")

    def pause(self, staff_id: int, now: datetime) -> None:
        """After a hard case: nobody new comes to them until `ready`, whatever their duty says."""
        self._run(
            "UPDATE staff SET paused_at = COALESCE(paused_at, :now) WHERE id = :id",
            id=staff_id,
            now=to_ms(now),
        )
        self._tx.wake("screens")

    def ready(self, staff_id: int) -> None:
        """They say that they can take somebody again."""
        self._run("UPDATE staff SET paused_at = NULL WHERE id = :id", id=staff_id)
        self._tx.wake("screens")

    def set_contact(self, staff_id: int, *, email: str | None, phone: str | None) -> None:
        """Where alerts reach them. None: nowhere by this way."""
        row = self._one("SELECT uid FROM staff WHERE id = :id", id=staff_id)
        if row is None:
            return
        sealed = {
            name: None if value is None else self._tx.keys.seal(value, f"staff.{name}", row["uid"])
            for name, value in (("email", email), ("phone", phone))
        }
        self._run("UPDATE staff SET email = :email, phone = :phone WHERE id = :id", id=staff_id, **sealed)
        self._tx.wake("screens")

    def set_profile(self, staff_id: int, profile: Profile) -> None:
        """What the person says about themself; of a `Staff` only that part is kept."""
        row = self._one("SELECT uid FROM staff WHERE id = :id", id=staff_id)
        if row is not None:
            sealed = self._tx.keys.seal(as_text(profile), "staff.profile", row["uid"])
            self._run("UPDATE staff SET profile = :profile WHERE id = :id", id=staff_id, profile=sealed)
            self._tx.wake("screens")

    def set_trained(self, staff_id: int, trained: Trained) -> None:
        """How far the training has come; a coordinator says so."""
        self._run("UPDATE staff SET trained = :trained WHERE id = :id", id=staff_id, trained=trained)
        self._tx.wake("screens")

    def set_alias(self, staff_id: int, alias: str) -> None:
        """What students see from now on. What was said under the old one keeps it."""
        row = self._one("SELECT uid FROM staff WHERE id = :id", id=staff_id)
        if row is not None:
            sealed = self._tx.keys.seal(alias, "staff.alias", row["uid"])
            self._run("UPDATE staff SET alias = :alias WHERE id = :id", id=staff_id, alias=sealed)
            self._tx.wake("screens")

    def set_language(self, staff_id: int, language: str) -> None:
        """Of the console: nb or en."""
        self._run("UPDATE staff SET language = :language WHERE id = :id", id=staff_id, language=language)

    def set_theme(self, staff_id: int, theme: Literal["auto", "light", "dark"]) -> None:
        """Of the console."""
        self._run("UPDATE staff SET theme = :theme WHERE id = :id", id=staff_id, theme=theme)

    def seen(self, staff_id: int, now: datetime) -> None:
        """Their console is connected. Wakes nobody: it happens all the time."""
        self._run("UPDATE staff SET seen_at = :now WHERE id = :id", id=staff_id, now=to_ms(now))

    def disable(self, staff_id: int, now: datetime) -> None:
        """Close the account: off duty, signed out everywhere, no link opens it."""
        self._run(
            "UPDATE staff SET disabled_at = COALESCE(disabled_at, :now), duty = 'off', duty_at = :now WHERE id = :id",
            id=staff_id,
            now=to_ms(now),
        )
        self._tx.sessions.end_all(staff_id)
        self._tx.invitations.withdraw(staff_id)
        self._tx.wake("screens")

    def enable(self, staff_id: int) -> None:
        """Open a stopped account again, off duty as it was left. Its old password works again: see `set_password`."""
        self._run("UPDATE staff SET disabled_at = NULL WHERE id = :id", id=staff_id)
        self._tx.wake("screens")

    def _login_hash(self, login: str) -> bytes:
        return self._tx.keys.hash("login", login.strip().casefold())

    def _opened(self, row: Row) -> Staff:
        uid, opened = row["uid"], self._tx.keys.open
        profile = from_text(opened(row["profile"], "staff.profile", uid)) if row["profile"] else Profile()
        return Staff(
            **{name: getattr(profile, name) for name in _OWN},
            trained=row["trained"],
            id=row["id"],
            login=opened(row["login"], "staff.login", uid),
            alias=opened(row["alias"], "staff.alias", uid),
            role=Role(row["role"]),
            duty=Duty(row["duty"]),
            duty_at=from_ms_or_none(row["duty_at"]),
            language=row["language"],
            theme=row["theme"],
            disabled=row["disabled_at"] is not None,
            seen_at=from_ms_or_none(row["seen_at"]),
            paused_at=from_ms_or_none(row["paused_at"]),
            email=None if row["email"] is None else opened(row["email"], "staff.email", uid),
            phone=None if row["phone"] is None else opened(row["phone"], "staff.phone", uid),
        )
