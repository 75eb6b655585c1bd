"""Puts the parts together, once, and decides nothing. `peersupport` starts here."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from bot.content import Content
from bot.settings import Channel, Settings
from handlers import clock as clocks
from handlers.cli import DemoOptions, Parts, build_cli
from handlers.clock import Clock
from handlers.environment import Environment
from handlers.folder import GATES, content_of, files_of, mistakes, problems_of, report_of
from handlers.memory import settle
from handlers.published import Published
from handlers.publishing import Publishing
from storage import Keys, Storage, open_storage

# What only one kind of process needs is imported where that is put together: the worker serves no pages, the
# web process calls nobody, and each holds some twenty megabytes less for it.
if TYPE_CHECKING:
    from flask import Flask

    from handlers import console
    from handlers.alerting.mail import Mail
    from handlers.alerting.notice import AlertChannel
    from handlers.demo import Demo
    from handlers.messenger.client import MessengerClient
    from handlers.messenger.webhook import Webhook
    from handlers.worker import Worker

HERE = Path(__file__).parent
PACKAGED = HERE / "handlers" / "defaults"  # in an installed package
STOP_LOOK_SECONDS = 0.5  # how often the worker's main thread wakes
SMALL_THREADS = 16  # beside the console's live streams, which hold one thread each


def home() -> Path:
    """This folder if it holds a service, else what the program was installed with."""
    here = Path.cwd()
    if (here / "config.yaml").exists() and (here / "flows").is_dir():
        return here
    return HERE if (HERE / "config.yaml").exists() else PACKAGED


# The service.


def storage_of(env: Environment) -> Storage:
    """The store that the environment names."""
    keys = Keys.from_environment(env.data_keys.get_secret_value(), env.secret_key.get_secret_value())
    return open_storage(env.database_url, keys, home=env.home)


def client_of(env: Environment, content: Content) -> MessengerClient:
    """The channel to Meta."""
    from handlers.messenger.client import MessengerClient

    settings = content.settings.messenger
    return MessengerClient(
        page_id=env.page_id,
        token=env.page_access_token.get_secret_value(),
        app_secret=env.app_secret.get_secret_value(),
        graph_version=settings.graph_version,
        graph_url=env.graph_api_url,
        connect_timeout=settings.connect_timeout_seconds,
        read_timeout=settings.read_timeout_seconds,
        pool_size=settings.senders,
    )


def alert_channels_of(
    env: Environment, settings: Settings, *, near: bool = False
) -> dict[Channel, AlertChannel]:
    """The ways to reach staff that are set up. The banner needs none of this. `near`: see `WebPush`."""
    from handlers.alerting.web_push import Vapid, WebPush
    from handlers.alerting.webhook import Webhook

    found: dict[Channel, AlertChannel] = {
        "push": WebPush(
            Vapid.from_secret(env.secret_key.get_secret_value()),
            contact=settings.page.contact_email,
            near=near,
        )
    }
    mail = letters_of(env, settings)
    if mail:
        found["email"] = mail
    if env.alert_webhook_url:
        found["webhook"] = Webhook(env.alert_webhook_url, env.alert_webhook_secret.get_secret_value())
    return found


def channels_of(env: Environment) -> frozenset[Channel]:
    """The names of the ways to tell staff that are set up, as `alert_channels_of` makes them."""
    named: dict[Channel, object] = {"push": True, "email": env.smtp_url, "webhook": env.alert_webhook_url}
    return frozenset(name for name, is_there in named.items() if is_there)


def letters_of(env: Environment, settings: Settings) -> Mail | None:
    """The way to the mail server, if one is named."""
    from handlers.alerting.mail import Mail

    return Mail(env.smtp_url, sender=settings.page.contact_email) if env.smtp_url else None


def worker_of(
    env: Environment, storage: Storage, content: Callable[[], Content], clock: Clock, *, near: bool = False
) -> Worker:
    """The worker, with its way to Meta and to what was missed."""
    from handlers.alerting.climber import Climber
    from handlers.alerting.colleagues import ColleagueNews
    from handlers.alerting.knocks import Knocks
    from handlers.alerting.mentions import MentionNews
    from handlers.alerting.shifts import ShiftNews
    from handlers.catch_up import CatchUp
    from handlers.messenger.intake import PostReader
    from handlers.worker import Worker

    client = client_of(env, content())
    catch_up = CatchUp(storage, client, content, clock, app_id=env.app_id or None)
    channels = alert_channels_of(env, content().settings, near=near)
    climber = Climber(storage, content, clock, channels, worker=f"ladder-{os.getpid()}")
    knocks = Knocks(storage, content, clock, channels)
    mentions = MentionNews(storage, content, clock, channels)
    news = ShiftNews(storage, content, clock, channels)
    return Worker(
        storage,
        content,
        client,
        clock,
        read_posts=PostReader(clock, page_id=env.page_id, app_id=env.app_id or None),
        catch_up=catch_up,
        climber=climber,
        knocks=knocks,
        mentions=mentions,
        colleagues=ColleagueNews(storage, content, clock, channels),
        shift_news=news,
    )


def web_app(
    env: Environment,
    storage: Storage,
    content: Callable[[], Content],
    clock: Clock,
    live: console.Live,
    *,
    demo: Demo | None = None,
) -> tuple[Flask, Webhook]:
    """The web process: webhook, console, health, deletion; and the simulator, in the demo only."""
    from flask import Flask
    from werkzeug.middleware.proxy_fix import ProxyFix

    from handlers import console, health, metrics
    from handlers.alerting.web_push import Vapid
    from handlers.console.rehearsing import not_green
    from handlers.drills import Drills
    from handlers.escalation import Escalation
    from handlers.messenger import deletion, webhook
    from handlers.reaching import Reaching
    from handlers.rota import Rota
    from handlers.talk_deeds import TalkDeeds

    app = Flask("peersupport", static_folder=None)
    proxies = 0 if demo else content().settings.console.proxies
    if proxies:  # else every supporter would seem to sign in from the proxy's address
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.secret_key = env.secret_key.get_secret_value()
    app.config["MAX_CONTENT_LENGTH"] = 2_000_000  # forms; the webhook sets its own
    page = content().settings.page
    posts = metrics.Posts()
    door = webhook.Webhook(
        app_secret=env.app_secret.get_secret_value(), storage=storage, clock=clock, count=posts.count
    )
    app.register_blueprint(webhook.questions(env.verify_token.get_secret_value()))
    app.register_blueprint(
        deletion.blueprint(
            app_secret=env.app_secret.get_secret_value(),
            storage=storage,
            page_name=page.name,
            contact_email=page.contact_email,
        )
    )
    app.register_blueprint(health.blueprint(storage=storage, clock=clock, content=content, posts=posts))
    app.register_blueprint(
        console.blueprint(
            console.ConsoleParts(
                storage=storage,
                clock=clock,
                content=content,
                act=TalkDeeds(storage, content, clock),
                cases=Escalation(storage, content, clock),
                drills=Drills(storage, content, clock),
                reaching=Reaching(storage, clock, near=demo is not None),
                rota=Rota(storage, content, clock),
                push_key=Vapid.from_secret(env.secret_key.get_secret_value()).public_key,
                live=live,
                secure_cookies=demo is None,
                frame_ancestors="'self'" if demo else "'none'",
                letters=None if demo else letters_of(env, content().settings),
                one_tap=demo is not None,
                publishing=Publishing(storage, clock, gates=(mistakes, not_green), real=env.is_real),
            )
        )
    )
    if demo is not None:
        app.register_blueprint(demo.blueprint(storage, content))
    return app, door


class Service:
    """One process's share of the service: opened when the server begins, closed when it stops."""

    def __init__(
        self, env: Environment, clock: Clock, *, with_worker: bool, demo: Demo | None = None
    ) -> None:
        self._env, self._clock, self._demo = env, clock, demo
        self._storage = storage_of(env)
        role = "serve" if with_worker else "web"
        self._content = Published(self._storage, clock, role, env.home, files_of, channels=channels_of(env))
        self._with_worker = with_worker
        self._live: console.Live | None = None
        self._worker: Worker | None = None

    @property
    def content(self) -> Content:
        """What the process serves now."""
        return self._content()

    def app(self) -> tuple[Flask, Webhook]:
        """The web application, and who is given what Meta posts."""
        from handlers import console

        storage = self._storage
        self._live = console.Live(storage, limit=self.content.settings.console.streams)
        if self._with_worker:
            near = self._demo is not None
            self._worker = worker_of(self._env, storage, self._content, self._clock, near=near)
        return web_app(self._env, storage, self._content, self._clock, self._live, demo=self._demo)

    def start(self) -> None:
        """The threads, once the process is the one that serves."""
        settle()
        self._content.start(real=self._env.is_real)
        if self._live is not None:
            self._live.start()
        if self._worker is not None:
            self._worker.start()
        if self._demo is not None:
            self._demo.started()

    def stop(self) -> None:
        """End streams at once, then let the worker finish what is in flight."""
        if self._live is not None:
            self._live.stop()
        if self._worker is not None:
            self._worker.stop()
        self._content.stop()

    def run(self, *, host: str = "0.0.0.0") -> None:  # noqa: S104 - HTTPS stands in front
        """Serve until told to stop."""
        from handlers.server import run_web

        threads = self.content.settings.console.streams + SMALL_THREADS
        app, door = self.app()
        if self._worker is not None:  # before the port is open, so that a second one says it and ends
            self._worker.take_place()
        run_web(
            lambda: app,
            door=door,
            port=self._env.port,
            threads=threads,
            on_start=self.start,
            on_stop=self.stop,
            host=host,
        )


def serve_worker(env: Environment) -> None:
    """The worker process, until SIGTERM."""
    storage = storage_of(env)
    content = Published(storage, clocks.real, "worker", env.home, files_of, channels=channels_of(env))
    worker = worker_of(env, storage, content, clocks.real)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    settle()
    worker.start()
    content.start(real=env.is_real)
    # The main thread alone runs what a signal asks for, between two steps of its own: one that slept without end
    # while the system gave the signal to another thread, or just before the wait began, would sleep through it.
    while not stop.wait(STOP_LOOK_SECONDS):
        pass
    worker.stop()
    content.stop()
    storage.close()


def serve_demo(options: DemoOptions) -> None:
    """The real service on SQLite in data/demo, with the stand-in for Messenger beside it."""
    from handlers.demo import Demo

    demo = Demo(options.home, options)
    env = demo.environment
    storage = storage_of(env)
    storage.migrate(demo.clock())
    demo.prepare(storage)
    publishing = Publishing(storage, demo.clock, gates=GATES, real=False)
    publishing.take_disk(files_of(env.home), "what was on disk when the demo started")
    storage.close()
    Service(env, demo.clock, with_worker=True, demo=demo).run(host="127.0.0.1")


def chat(folder: Path, at: datetime | None, language: str | None, save: Path | None) -> None:
    """A student in the terminal."""
    from handlers.terminal import run_chat

    run_chat(content_of(folder), at or clocks.real(), language=language, save=save)


def program_version() -> str:
    """Of the installed program."""
    try:
        return version("peersupport")
    except PackageNotFoundError:
        return "unknown"


def main() -> None:
    """The command `peersupport`."""
    folder = home()
    parts = Parts(
        home=folder,
        version=program_version(),
        clock=clocks.real,
        load_content=content_of,
        check_files=problems_of,
        read_files=files_of,
        gates=GATES,
        report_files=report_of,
        open_storage=storage_of,
        run_web=lambda env: Service(env, clocks.real, with_worker=False).run(),
        run_worker=serve_worker,
        run_serve=lambda env: Service(env, clocks.real, with_worker=True).run(),
        run_demo=serve_demo,
        run_chat=chat,
        messenger=lambda env: client_of(env, content_of(env.home)),
    )
    build_cli(parts)()


if __name__ == "__main__":
    main()
