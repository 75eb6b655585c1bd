"""Every address of the console and who may use it. What is not in this table does not exist."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint
from flask.typing import RouteCallable

from handlers.console import (
    agreed,
    alerts,
    auth,
    calendar,
    cases,
    closing,
    composer,
    conversation,
    flows,
    leave,
    live,
    lookups,
    more,
    profile,
    publish,
    pwa,
    queue,
    reached,
    refresh,
    rota,
    rota_plan,
    security,
    staff,
    team,
    tools,
    welcome,
)
from handlers.console.parts import COORDINATOR, EVERYBODY, HELPERS, LEADS, MANAGERS, READERS
from storage.records import Role


@dataclass(frozen=True, slots=True)
class Route:
    """One address. `who` None: open to anybody, signed in or not."""

    rule: str
    view: RouteCallable
    method: str
    who: frozenset[Role] | None
    background: bool = False  # asked by the page itself, so it keeps nobody's session awake

    @property
    def name(self) -> str:
        """The endpoint."""
        return getattr(self.view, "__name__")  # noqa: B009 - RouteCallable does not promise it


ROUTES = (
    Route("/sign-in", auth.sign_in, "GET POST", None),
    Route("/sign-in/code", auth.second_step, "POST", None),
    Route("/sign-in/set-up", auth.set_up, "POST", None),
    Route("/welcome", welcome.welcome, "GET POST", None),
    Route("/sign-out", leave.sign_out, "POST", EVERYBODY),
    Route("/manifest.json", pwa.manifest, "GET", None),
    Route("/offline", pwa.offline_page, "GET", None),
    Route("/", queue.queue_page, "GET", HELPERS),
    Route("/mine", queue.mine_page, "GET", HELPERS),
    Route("/next", queue.next_one, "POST", HELPERS),
    Route("/c/<int:contact_id>", conversation.conversation_page, "GET", HELPERS),
    Route("/c/<int:contact_id>/details", conversation.details_page, "GET", HELPERS),
    Route("/c/<int:contact_id>/transfer", conversation.transfer, "GET", HELPERS),
    Route("/c/<int:contact_id>/offer", team.offer, "POST", HELPERS),
    Route("/c/<int:contact_id>/withdraw", team.withdraw, "POST", HELPERS),
    Route("/c/<int:contact_id>/accept", team.accept, "POST", HELPERS),
    Route("/c/<int:contact_id>/decline", team.decline, "POST", HELPERS),
    Route("/c/<int:contact_id>/know", team.know, "POST", HELPERS),
    Route("/c/<int:contact_id>/know-not", team.know_not, "POST", HELPERS),
    Route("/c/<int:contact_id>/relieve", team.relieve, "POST", HELPERS),
    Route("/c/<int:contact_id>/take-over", team.take_over, "POST", LEADS),
    Route("/c/<int:contact_id>/mute", team.mute, "POST", HELPERS),
    Route("/c/<int:contact_id>/unpleasant", conversation.unpleasant, "GET", HELPERS),
    Route("/c/<int:contact_id>/report", team.report, "POST", HELPERS),
    Route("/c/<int:contact_id>/close", closing.close_page, "GET", HELPERS),
    Route("/c/<int:contact_id>/close", closing.close, "POST", HELPERS),
    Route("/c/<int:contact_id>/claim", conversation.claim, "POST", HELPERS),
    Route("/c/<int:contact_id>/write", composer.write, "POST", HELPERS),
    Route("/c/<int:contact_id>/draft", composer.draft, "POST", HELPERS, background=True),
    Route("/c/<int:contact_id>/typing", composer.typing, "POST", HELPERS, background=True),
    Route("/c/<int:contact_id>/take-back/<int:outbox_id>", composer.take_back, "POST", HELPERS),
    Route("/c/<int:contact_id>/send-now/<int:outbox_id>", composer.send_now, "POST", HELPERS),
    Route("/c/<int:contact_id>/replies", tools.replies_page, "GET", HELPERS),
    Route("/c/<int:contact_id>/services", tools.services_page, "GET", HELPERS),
    Route("/c/<int:contact_id>/insert", tools.insert, "POST", HELPERS),
    Route("/c/<int:contact_id>/history", agreed.history_page, "GET", HELPERS),
    Route("/c/<int:contact_id>/history/ask", agreed.ask_history, "POST", HELPERS),
    Route("/c/<int:contact_id>/keep", agreed.offer_note, "POST", HELPERS),
    Route("/c/<int:contact_id>/raise", agreed.raise_tier, "POST", HELPERS),
    Route("/c/<int:contact_id>/release", conversation.release, "POST", HELPERS),
    Route("/c/<int:contact_id>/give-back", conversation.give_back, "POST", HELPERS),
    Route("/c/<int:contact_id>/tier", conversation.lower_tier, "POST", HELPERS),
    Route("/c/<int:contact_id>/retry/<int:outbox_id>", conversation.retry, "POST", HELPERS),
    Route("/alert/<int:alert_id>/acknowledge", queue.acknowledge, "POST", HELPERS),
    Route("/alert/<int:alert_id>/shown", queue.alert_shown, "POST", HELPERS, background=True),
    Route("/alert/<int:alert_id>", cases.case_page, "GET", HELPERS | READERS),
    Route("/alert/<int:alert_id>/judge", cases.judge, "POST", HELPERS),
    Route("/alert/<int:alert_id>/record", cases.record, "POST", HELPERS),
    Route("/alert/<int:alert_id>/identity", cases.open_identity, "POST", HELPERS),
    Route("/alert/<int:alert_id>/debrief", reached.debrief, "POST", HELPERS),
    Route("/alert/<int:alert_id>/confirm", alerts.confirm_closure, "POST", LEADS),
    Route("/debrief/<int:debrief_id>/done", alerts.debrief_done, "POST", LEADS),
    Route("/alerts", alerts.alerts_page, "GET", HELPERS),
    Route("/confirm", alerts.confirm_page, "GET", LEADS),
    Route("/identities", alerts.identities_page, "GET", READERS),
    Route("/identities/<int:opening_id>/review", alerts.review_identity, "POST", READERS),
    Route("/records", alerts.records_page, "GET", READERS),
    Route("/drill", alerts.drill_page, "GET", COORDINATOR),
    Route("/drill/start", alerts.drill_start, "POST", COORDINATOR),
    Route("/drill/stop", alerts.drill_stop, "POST", COORDINATOR),
    Route("/reached", reached.reached_page, "GET", HELPERS),
    Route("/reached/contact", reached.set_contact, "POST", HELPERS),
    Route("/reached/push", reached.push_on, "POST", HELPERS),
    Route("/reached/push/off", reached.push_off, "POST", HELPERS),
    Route("/push.js", reached.push_worker, "GET", HELPERS, background=True),
    Route("/pause", reached.pause, "POST", HELPERS),
    Route("/ready", reached.ready, "POST", HELPERS),
    Route("/fresh", refresh.fresh, "GET", HELPERS, background=True),
    Route("/live", live.live, "GET", HELPERS, background=True),
    Route("/more", more.more_page, "GET", EVERYBODY),
    Route("/more/profile", more.profile, "POST", EVERYBODY),
    Route("/leave", leave.leave_page, "GET", HELPERS),
    Route("/known", team.known_page, "GET", HELPERS),
    Route("/matters", team.matters_page, "GET", LEADS),
    Route("/matters/<int:matter_id>/close", team.close_matter, "POST", LEADS),
    Route("/news/<int:matter_id>/read", team.read_news, "POST", HELPERS),
    Route("/unsure/<int:outbox_id>/send", team.send_again, "POST", HELPERS),
    Route("/unsure/<int:outbox_id>/let", team.let_be, "POST", HELPERS),
    Route("/duty", leave.duty, "POST", HELPERS),
    Route("/me", profile.profile_page, "GET", EVERYBODY),
    Route("/me/save", profile.save_profile, "POST", EVERYBODY),
    Route("/security", security.security_page, "GET", EVERYBODY),
    Route("/security/password", security.change_password, "POST", EVERYBODY),
    Route("/security/second-factor", security.new_factor, "POST", EVERYBODY),
    Route("/security/recovery-codes", security.new_codes, "POST", EVERYBODY),
    Route("/security/sign-out", security.end_session, "POST", EVERYBODY),
    Route("/rota", rota.rota_page, "GET", HELPERS),
    Route("/rota/<int:shift_id>", rota.shift_page, "GET", HELPERS),
    Route("/rota/<int:shift_id>/take", rota.take, "POST", HELPERS),
    Route("/rota/<int:shift_id>/give-up", rota.give_up, "POST", HELPERS),
    Route("/rota/<int:shift_id>/ask", rota.ask, "POST", HELPERS),
    Route("/rota/swap/<int:swap_id>", rota.answer_swap, "POST", HELPERS),
    Route("/rota/<int:shift_id>/change", rota_plan.shift_change, "POST", COORDINATOR),
    Route("/rota/plan", rota_plan.plan_page, "GET", COORDINATOR),
    Route("/rota/plan/add", rota_plan.plan_add, "POST", COORDINATOR),
    Route("/rota/plan/repeat", rota_plan.plan_repeat, "POST", COORDINATOR),
    Route("/rota/calendar", calendar.calendar_page, "GET", HELPERS),
    Route("/rota/calendar/new", calendar.calendar_new, "POST", HELPERS),
    Route("/rota/calendar/end", calendar.calendar_end, "POST", HELPERS),
    # A calendar program signs in nowhere: the address itself is the secret.
    Route("/calendar/<token>.ics", calendar.calendar_feed, "GET", None, background=True),
    Route("/staff", staff.staff_page, "GET", MANAGERS),
    Route("/staff/add", staff.add, "POST", MANAGERS),
    Route("/staff/<int:staff_id>", staff.person_page, "GET", MANAGERS),
    Route("/staff/<int:staff_id>/change", staff.change, "POST", MANAGERS),
    Route("/staff/<int:staff_id>/second-factor", staff.reset_factor, "POST", MANAGERS),
    Route("/staff/<int:staff_id>/sign-out", staff.end_sessions, "POST", MANAGERS),
    Route("/staff/<int:staff_id>/disable", staff.disable, "POST", MANAGERS),
    Route("/staff/<int:staff_id>/reopen", staff.reopen, "POST", MANAGERS),
    Route("/staff/<int:staff_id>/reset", staff.reset, "POST", MANAGERS),
    Route("/flows", flows.files_page, "GET", COORDINATOR),
    Route("/flows/new", flows.file_new, "POST", COORDINATOR),
    Route("/flows/file/<path:name>", flows.file_page, "GET", COORDINATOR),
    Route("/flows/edit/<path:name>", flows.file_work, "POST", COORDINATOR),
    Route("/flows/schema/<kind>", flows.schema_file, "GET", COORDINATOR),
    Route("/flows/publish", publish.publish_page, "GET", COORDINATOR),
    Route("/flows/publish/now", publish.publish_now, "POST", COORDINATOR),
    Route("/flows/rehearse", publish.play_again, "POST", COORDINATOR),
    Route("/flows/history", publish.versions_page, "GET", COORDINATOR),
    Route("/flows/history/<int:n>", publish.version_page, "GET", COORDINATOR),
    Route("/flows/proposal/<int:proposal_id>", publish.proposal_page, "GET", COORDINATOR),
    Route("/flows/proposal/<int:proposal_id>/decide", publish.decide, "POST", COORDINATOR),
    Route("/flows/year", lookups.year_page, "GET", COORDINATOR),
    Route("/flows/sentence", lookups.sentence_page, "GET", COORDINATOR),
    Route("/flows/sentence/read", lookups.sentence_read, "POST", COORDINATOR),
    Route("/flows/verified", lookups.verified_page, "GET", COORDINATOR),
    Route("/incidents", more.incidents_page, "GET", LEADS | MANAGERS),
)

OPEN = {route.name for route in ROUTES if route.who is None} | {"static"}
WHO = {route.name: route.who for route in ROUTES if route.who is not None}
BACKGROUND = {route.name for route in ROUTES if route.background}


def add_to(blueprint: Blueprint) -> None:
    """Register the table."""
    for route in ROUTES:
        blueprint.add_url_rule(route.rule, route.name, route.view, methods=route.method.split())
