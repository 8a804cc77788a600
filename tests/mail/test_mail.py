"""An e-mail is sent once what it tells of has committed, and until a mail server takes it."""

from __future__ import annotations

import copy
import email
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from django.template import TemplateDoesNotExist
from pytest_django import Settings

from tests.helpers.crew import point_celery_at
from tests.mail.smtp import MailServer, mail_server
from worldseat.mail import render_mail, send_mail_later
from worldseat.mail_url import BadMailURL, mail_settings

TEMPLATES = Path(__file__).parent / "templates"


@pytest.fixture(autouse=True)
def _greeting(settings: Settings) -> None:
    """Know the templates beside this file."""
    engines = copy.deepcopy(settings.TEMPLATES)
    engines[0]["DIRS"].append(TEMPLATES)
    settings.TEMPLATES = engines
    settings.SITE_URL = "https://tickets.example"


@pytest.fixture
def server(settings: Settings) -> Iterator[MailServer]:
    """A mail server that Django sends to."""
    with mail_server() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = urlsplit(running.url).port
        yield running


def greet(to: str = "fay@example.com", name: str = "Fay") -> None:
    send_mail_later(
        template="greeting",
        to=to,
        context={"name": name},
        attachments=[("hello.pdf", b"%PDF-1.4", "application/pdf")],
    )


def test_only_the_html_is_escaped() -> None:
    mail = render_mail(template="greeting", context={"name": "Tom & <Jerry>"})
    assert mail.subject == "Hello Tom & <Jerry>"
    assert "Hello Tom & <Jerry>." in mail.text
    assert "Hello Tom &amp; &lt;Jerry&gt;." in mail.html
    assert 'href="https://tickets.example"' in mail.html


@pytest.mark.django_db(transaction=True)
def test_arrives_as_text_and_html_with_what_is_attached(
    server: MailServer, tasks_at_once: None
) -> None:
    greet()
    (message,) = server.received
    assert message["To"] == "fay@example.com"
    assert message["Subject"] == "Hello Fay"
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "Hello Fay." in text.get_content()
    assert "<p>Hello Fay.</p>" in html.get_content()
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("hello.pdf", b"%PDF-1.4")


@pytest.mark.django_db(transaction=True)
def test_waits_for_the_commit(server: MailServer, tasks_at_once: None) -> None:
    with transaction.atomic():
        greet()
        assert server.tries == 0
    assert len(server.received) == 1


@pytest.mark.django_db(transaction=True)
def test_is_not_sent_for_what_was_rolled_back(server: MailServer, tasks_at_once: None) -> None:
    with transaction.atomic():
        greet()
        transaction.set_rollback(True)
    assert server.tries == 0


@pytest.mark.django_db(transaction=True)
def test_is_sent_again_after_not_now(server: MailServer, tasks_at_once: None) -> None:
    server.answers = ["451 try again later", "421 closing"]
    greet()
    assert server.tries == 3
    assert len({message["Message-ID"] for message in server.received}) == 1


@pytest.mark.django_db(transaction=True)
def test_is_given_up_when_it_is_refused(server: MailServer, tasks_at_once: None) -> None:
    server.answers = ["550 no such user"]
    greet()
    assert (server.tries, server.received) == (1, [])


@pytest.mark.django_db(transaction=True)
def test_is_not_sent_to_simulated_fans(server: MailServer, tasks_at_once: None) -> None:
    greet(to="buyer-0001@stampede.invalid")
    assert server.tries == 0


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_fails_nothing(
    connects: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    before = point_celery_at("redis://127.0.0.1:9/0")
    try:
        with transaction.atomic():
            greet()
    finally:
        point_celery_at(before)
    assert connects == ["127.0.0.1:9"] * 2  # one try and another, as the settings have it
    assert "The mail greeting to fay@example.com was not sent." in caplog.text


def test_a_template_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(TemplateDoesNotExist):
        send_mail_later(template="no-such", to="fay@example.com", context={})


@pytest.mark.django_db(transaction=True)
def test_is_a_file_on_one_machine(settings: Settings, tmp_path: Path, tasks_at_once: None) -> None:
    for name, value in mail_settings(f"file://{tmp_path}/mail").items():
        setattr(settings, name, value)
    greet()
    (path,) = (tmp_path / "mail").glob("*.eml")
    assert email.message_from_bytes(path.read_bytes())["Subject"] == "Hello Fay"
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("url", "host", "port", "secured"),
    [
        ("smtp+tls://tickets%40example.com:s%2Fecret@mail.example", "mail.example", 587, "TLS"),
        ("smtps://tickets%40example.com:s%2Fecret@mail.example:4650", "mail.example", 4650, "SSL"),
    ],
)
def test_email_url_says_where_mail_goes(url: str, host: str, port: int, secured: str) -> None:
    found = mail_settings(url)
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == (host, port)
    assert found["EMAIL_HOST_USER"] == "tickets@example.com"
    assert found["EMAIL_HOST_PASSWORD"] == "s/ecret"
    assert found[f"EMAIL_USE_{secured}"] is True


@pytest.mark.parametrize("url", ["", "mail.example", "http://mail.example", "smtp://x:port"])
def test_email_url_that_says_nothing_is_refused(url: str) -> None:
    with pytest.raises(BadMailURL, match="smtps://"):
        mail_settings(url)
