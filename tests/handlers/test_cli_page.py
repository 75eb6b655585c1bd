"""`page setup` and `page doctor`, against the stand-in for Meta over real HTTP."""

from __future__ import annotations

import pytest
from cli_bench import ENVIRONMENT, ROOT, make_bench, read_content
from flask import Flask
from serving import served

from bot.commands import PAYLOADS
from handlers.cli.page_checks import LOCALES, profile
from handlers.messenger.client import MessengerClient
from handlers.messenger.limits import GREETING, MENU_TITLE, WEBHOOK_FIELDS
from handlers.messenger.webhook import questions
from handlers.simulator.faults import GraphError
from handlers.simulator.server import standing_graph


@pytest.fixture
def graph():
    with standing_graph(
        page_id=ENVIRONMENT["PAGE_ID"], app_id=ENVIRONMENT["APP_ID"], app_secret=ENVIRONMENT["APP_SECRET"]
    ) as graph:
        yield graph


@pytest.fixture
def run(tmp_path, monkeypatch, graph):
    clients = []

    def messenger(env):
        client = MessengerClient(
            page_id=env.page_id,
            token=env.page_access_token.get_secret_value(),
            app_secret=env.app_secret.get_secret_value(),
            graph_version="26.0",
            graph_url=env.graph_api_url,
        )
        clients.append(client)
        return client

    for bench in make_bench(tmp_path, monkeypatch):
        bench.messenger = messenger
        bench.set_environment(PAGE_ACCESS_TOKEN=graph.stand_in.token, GRAPH_API_URL=graph.url)
        yield bench
    for client in clients:
        client.close()


@pytest.fixture
def webhook(run):
    """Our own webhook, at the address that the privacy notice names."""
    app = Flask(__name__)
    app.register_blueprint(questions(ENVIRONMENT["VERIFY_TOKEN"]))
    with served(app) as url:
        path = run.home / "config.yaml"
        path.write_text(
            path.read_text("utf-8").replace("https://example.org/privacy", f"{url}/privacy"), "utf-8"
        )
        yield url


def test_setup_writes_greeting_menu_and_subscriptions_and_the_doctor_finds_them(run, graph, webhook):
    graph.stand_in.subscribed_fields = []
    before = run("page", "doctor")
    assert before.exit_code == 1
    assert before.output.count("FAILED") == 2
    assert "peersupport page setup" in before.output

    done = run("page", "setup")
    assert (done.exit_code, "FAILED" in done.output) == (0, False)
    assert set(graph.stand_in.profile) == {"get_started", "greeting", "persistent_menu"}
    assert graph.stand_in.subscribed_fields == list(WEBHOOK_FIELDS)

    after = run("page", "doctor")
    assert after.exit_code == 0, after.output
    assert "ok      the webhook answers as Meta needs it" in after.output


def test_a_dead_token_is_named_with_what_to_do_and_nothing_is_written(run, graph):
    run.set_environment(PAGE_ACCESS_TOKEN="demo-another", GRAPH_API_URL=graph.url)
    for name in ("setup", "doctor"):
        result = run("page", name)
        assert result.exit_code == 1
        assert "FAILED  the token is this Page's" in result.output
        assert "PAGE_ACCESS_TOKEN" in result.output
        assert "demo-another" not in result.output
    assert graph.stand_in.profile == {}


def test_a_webhook_with_another_verify_token_is_found(run, graph, webhook):
    run.set_environment(
        PAGE_ACCESS_TOKEN=graph.stand_in.token, GRAPH_API_URL=graph.url, VERIFY_TOKEN="another-word"
    )
    result = run("page", "doctor")
    assert "It answered 403: compare VERIFY_TOKEN" in result.output
    assert "another-word" not in result.output


def test_a_token_that_may_not_read_conversations_is_found_before_the_outage(run, graph, webhook, monkeypatch):
    def refuse(params):
        raise GraphError(10, "(#10) Application does not have permission for this action", status=403)

    assert "ok      what was missed can be read after an outage" in run("page", "doctor").output
    monkeypatch.setattr(graph.stand_in, "_get_conversations", refuse)
    result = run("page", "doctor")
    assert result.exit_code == 1
    assert "FAILED  what was missed can be read" in result.output
    assert "pages_read_engagement" in result.output


def test_an_address_that_is_still_the_example_is_found(run):
    assert "page.privacy_url in config.yaml" in run("page", "doctor").output


def test_the_profile_keeps_to_metas_limits_and_carries_the_emergency_number():
    wanted = profile(read_content(ROOT))
    for greeting in wanted["greeting"]:
        assert len(greeting["text"]) <= GREETING
        assert "113" in greeting["text"]
    assert [menu["locale"] for menu in wanted["persistent_menu"]] == list(LOCALES)
    for menu in wanted["persistent_menu"]:
        items = menu["call_to_actions"]
        assert "113" in items[0]["title"]
        assert all(len(item["title"]) <= MENU_TITLE for item in items)
        assert all(item["payload"] in PAYLOADS for item in items if item["type"] == "postback")
    assert wanted["get_started"]["payload"] in PAYLOADS


def test_a_week_that_takes_many_words_leaves_room_for_the_number():
    content = read_content(ROOT)
    days = ("monday", "tuesday", "wednesday", "thursday", "friday")
    weekly = {day: (f"{9 + n:02}:15-12:45", f"13:{10 + n}-19:30") for n, day in enumerate(days)}
    hours = content.settings.service_hours.model_copy(update={"weekly": weekly})
    settings = content.settings.model_copy(update={"service_hours": hours})

    class Long:
        texts = content.texts

    Long.settings = settings
    for greeting in profile(Long)["greeting"]:
        assert len(greeting["text"]) <= GREETING
        assert "113" in greeting["text"]
