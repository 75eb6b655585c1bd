"""Alerts by e-mail, handed to a real mail server on this machine."""

from __future__ import annotations

import contextlib
import email
import socket
import threading
from dataclasses import replace

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from alerting_bench import NOTICE, certificates
from patience import PATIENCE
from processes import free_port

from handlers.alerting.mail import Mail
from handlers.alerting.notice import ChannelFailed


class Inbox:
    """Takes mail, or refuses it with an answer of one's choice."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.was_secure: list[bool] = []
        self.rcpt = "250 OK"
        self.data = "250 taken"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if self.rcpt.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope)
        self.was_secure.append(session.ssl is not None)
        return self.data


@contextlib.contextmanager
def mail_server(inbox: Inbox, **more):
    port = free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port, ready_timeout=PATIENCE, **more)
    controller.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        controller.stop()


def failing(mail: Mail, notice=NOTICE) -> ChannelFailed:
    with pytest.raises(ChannelFailed) as caught:
        mail.tell(notice)
    return caught.value


def mail(url: str, **more) -> Mail:
    return Mail(url, sender="vakt@example.org", **more)


def test_a_mail_says_that_somebody_is_needed_and_is_known_again_when_it_comes_twice():
    inbox = Inbox()
    with mail_server(inbox) as where:
        for _ in range(2):
            assert mail(f"smtp://{where}").tell(NOTICE) == ()
    first, second = (email.message_from_bytes(one.content) for one in inbox.mails)
    assert (inbox.mails[0].mail_from, inbox.mails[0].rcpt_tos) == ("vakt@example.org", ["kari@example.org"])
    assert first["Subject"] == NOTICE.title
    assert first.get_payload(decode=True).decode().strip() == NOTICE.text
    assert first["Message-ID"] == second["Message-ID"] == f"<{NOTICE.key}@example.org>"
    assert first["Auto-Submitted"] == "auto-generated"


def test_starttls_is_used_with_a_password_that_does_not_travel_readably(tmp_path):
    server, client = certificates(tmp_path)
    inbox, tried = Inbox(), []

    def sign_in(server, session, envelope, mechanism, data):
        tried.append((data.login, data.password, session.ssl is not None))
        return AuthResult(success=data.password == b"s3 cret/", handled=False)  # False: the server says so

    with mail_server(
        inbox, tls_context=server, require_starttls=True, authenticator=sign_in, auth_required=True
    ) as where:
        assert mail(f"smtp://ola%40example.org:s3%20cret%2F@{where}", context=client).tell(NOTICE) == ()
        failed = failing(mail(f"smtp://ola:wrong@{where}", context=client))
        untrusted = failing(mail(f"smtp://ola:x@{where}"))
    assert inbox.was_secure == [True]
    assert tried[0] == (b"ola@example.org", b"s3 cret/", True)
    assert (failed.code, failed.again) == ("mail_sign_in", True)
    assert (untrusted.code, untrusted.again) == ("no_connection", True)


def test_smtps_speaks_tls_from_the_start(tmp_path):
    server, client = certificates(tmp_path)
    inbox = Inbox()
    with mail_server(inbox, ssl_context=server) as where:
        # The controller's own look at the port is without TLS; what matters is that ours is with it.
        assert mail(f"smtps://{where}", context=client).tell(NOTICE) == ()
    assert len(inbox.mails) == 1


@pytest.mark.parametrize(
    ("rcpt", "data", "again"),
    [
        ("550 no such person", "250 ok", False),
        ("451 later", "250 ok", True),
        ("250 ok", "554 not this", False),
        ("250 ok", "452 full", True),
    ],
)
def test_what_the_mail_server_refuses_says_whether_another_try_may_help(rcpt, data, again):
    inbox = Inbox()
    inbox.rcpt, inbox.data = rcpt, data
    with mail_server(inbox) as where:
        failed = failing(mail(f"smtp://{where}"))
    assert (failed.code, failed.again) == ("mail_refused", again)


def test_a_mail_server_that_is_not_there_or_does_not_speak_fails_in_time():
    with contextlib.closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        assert failing(mail(f"smtp://{where}")).code == "no_connection"
        silent.listen()
        failed = failing(mail(f"smtp://{where}", timeout_seconds=0.2))
    assert (failed.code, failed.again) == ("no_connection", True)


def test_nobody_without_an_address_is_written_to():
    failed = failing(mail("smtp://127.0.0.1:1"), replace(NOTICE, email=None))
    assert (failed.code, failed.again) == ("no_address", False)


def test_an_address_cannot_smuggle_in_a_header():
    with pytest.raises(ValueError, match="linefeed"):
        mail("smtp://127.0.0.1:1").tell(replace(NOTICE, email="a@example.org\nBcc: all@example.org"))


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_mail_server_that_sends_its_bytes_one_by_one_is_left_after_a_while(scheme):
    stop = threading.Event()

    def drip(listening):
        with contextlib.suppress(OSError):
            conn, _ = listening.accept()
            with conn:
                while not stop.wait(0.02):
                    conn.sendall(b"220-wait\r\n" if scheme == "smtp" else b"\x16")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, args=(listening,), daemon=True).start()
        where = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
        failed = failing(mail(where, limit_seconds=0.3))
        stop.set()
    assert (failed.code, failed.again) == ("no_connection", True)
