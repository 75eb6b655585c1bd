"""What the tests of alerting share: a ladder of one's own, channels that keep what they are told, local servers."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bot.content import Content
from bot.settings import ClosedRungs, Ladder, NamedContact, Rung, Rungs
from handlers.alerting.climber import Climber
from handlers.alerting.notice import Notice

DANGER = "jeg skal ta livet mitt i kveld"
NOTICE = Notice(
    key="00ff",
    kind="alert",
    title="Varsel",
    text="Noen trenger deg. Logg inn: https://example.org/console",
    link="https://example.org/console",
    at=dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.UTC),
    email="kari@example.org",
    phone="+4712345678",
)


class Heard:
    """A channel that takes everything, unless told to fail; safe to share between threads."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.fails: list[BaseException] = []
        self._lock = threading.Lock()

    def tell(self, notice: Notice) -> tuple[int, ...]:
        with self._lock:
            if self.fails:
                raise self.fails.pop(0)
            self.notices.append(notice)
        return ()

    @property
    def keys(self) -> list[str]:
        return [notice.key for notice in self.notices]

    @property
    def told(self) -> list[str]:
        """Who was told, by e-mail address."""
        return [notice.email or notice.phone or "?" for notice in self.notices]


def rung(tell: str, after: float, *channels: str) -> Rung:
    return Rung(tell=tell, after_minutes=after, channels=channels or ("email",))  # type: ignore[arg-type]


def ladder(**changes: object) -> Ladder:
    """By e-mail: on duty, then the duty lead after two minutes, then the coordinator after five; a pager at night."""
    rungs = (rung("on_duty", 0), rung("duty_lead", 2), rung("coordinator", 5))
    fields: dict[str, object] = {
        "open": Rungs(critical=rungs, high=rungs, elevated=rungs),
        "contacts": {"vakt": NamedContact(phone="+47 99 99"), "sjef": NamedContact(email="sjef@example.org")},
        "closed": ClosedRungs(
            critical=(rung("contact:vakt", 0, "webhook"), rung("contact:sjef", 3)),
            high=(rung("contact:vakt", 0, "webhook"),),
        ),
    }
    return Ladder(**(fields | changes))  # type: ignore[arg-type]


def with_ladder(content: Content, one: Ladder) -> Content:
    return replace(content, settings=content.settings.model_copy(update={"ladder": one}))


def climber(chat, channels, worker: str = "w1", storage=None) -> Climber:
    return Climber(
        storage or chat.local.storage, lambda: chat.local.content, chat.local.clock, channels, worker=worker
    )


def settle(*climbers: Climber) -> int:
    """Climb and send all that is due now; how many notifications were tried."""
    sent = 0
    for one in climbers:
        going = True
        while going:
            going = one.climb()
            while one.send_one():
                sent += 1
                going = True
    return sent


@contextmanager
def http_server(answer: Callable[[BaseHTTPRequestHandler, bytes], None], context=None) -> Iterator[str]:
    """A server on this machine; `answer` gets each request and its body. Yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers.get("Content-Length", "0"))))

        def log_message(self, *args: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    scheme = "http" if context is None else "https"
    try:
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(status: int, **headers: str) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    def answer(request: BaseHTTPRequestHandler, body: bytes) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def certificates(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For a server that calls itself 127.0.0.1, and for a client that trusts it and nobody else."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    alternatives = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, private)
    return server, ssl.create_default_context(cafile=str(cert))
