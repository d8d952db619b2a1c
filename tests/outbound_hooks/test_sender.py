"""One delivery: where it may go, how long it may take, how much is read of the answer."""

import re
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from outbound_hooks import addresses, sender
from outbound_hooks.addresses import AddressRefused, checked_url
from outbound_hooks.sender import MOST_KEPT, send
from tests.outbound_hooks.receivers import Receiver, receiving

# What is not to be reached, however it is written.
FORBIDDEN = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0",  # noqa: S104
    "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.254",
    "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "168.63.129.16", "::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "2002:7f00:1::", "2001::1", "2001:db8::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1",
    "ff02::1", "100::1", "5f00::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111"]


@pytest.fixture
def resolves(monkeypatch):
    """Let every name resolve to what a test says."""

    def to(*texts: str) -> list[tuple[str, int]]:
        asked = []

        def resolver(host, port, *_, **_options):
            asked.append((host, port))
            families = (socket.AF_INET6 if ":" in text else socket.AF_INET for text in texts)
            return [
                (family, socket.SOCK_STREAM, 6, "", (text, port))
                for family, text in zip(families, texts, strict=True)
            ]

        monkeypatch.setattr(addresses.socket, "getaddrinfo", resolver)
        return asked

    return to


@pytest.fixture
def loopback(settings):
    settings.WEBHOOKS_TO_THIS_MACHINE = True


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_way_leads_into_the_network(address, resolves):
    asked = resolves(address)
    with pytest.raises(AddressRefused, match="not a public address"):
        checked_url("https://partner.example/hook")
    answer = send("https://partner.example/hook", b"{}", {})
    assert (answer.status, answer.address) == (None, None)
    assert "not a public address" in answer.error
    assert len(asked) == 2


@pytest.mark.parametrize("address", FORBIDDEN)
def test_one_bad_address_among_good_ones_is_enough(address, resolves):
    resolves(PUBLIC[0], address)
    with pytest.raises(AddressRefused, match="not a public address"):
        checked_url("https://partner.example/hook")


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_let_through(address, resolves):
    resolves(address)
    assert checked_url("https://partner.example/hook") == "https://partner.example/hook"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://partner.example/", "begins with https"),
        ("ftp://partner.example/", "begins with https"),
        ("file:///etc/passwd", "begins with https"),
        ("//partner.example/", "begins with https"),
        ("https:///hook", "names no host"),
        ("https://user@partner.example/", "no user name"),
        ("https://user:secret@partner.example/", "no user name"),
        ("https://partner.example:8443/", "goes to port 443"),
        ("https://partner.example:22/", "goes to port 443"),
        ("https://partner.example:0/", "goes to port 443"),
        ("https://partner.example:99999/", "no URL"),
        ("https://partner.example:x/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://partner.example/#part", "no fragment"),
        ("https://partner.example/a b", "no blanks"),
        ("https://partner.example/\r\nHost: other", "no blanks"),
        ("https://partner.example/" + "x" * 2000, "at most 2000"),
        ("", "begins with https"),
    ],
)
def test_odd_urls_are_refused_with_the_reason(url, reason, resolves):
    resolves(PUBLIC[0])
    with pytest.raises(AddressRefused, match=reason):
        checked_url(url)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost", "LOCALHOST.", "[::1]"]
)
def test_odd_ways_to_write_this_machine_lead_nowhere(host):
    """The resolver reads them; what it makes of them is what is checked."""
    with pytest.raises(AddressRefused):
        checked_url(f"https://{host}/")


def test_a_name_that_cannot_be_looked_up_is_told(monkeypatch):
    def fails(*_, **__):
        raise socket.gaierror("no such name")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", fails)
    with pytest.raises(AddressRefused, match="Check the name"):
        checked_url("https://nowhere.example/")


def test_a_resolver_that_hangs_is_waited_for_no_longer_than_the_deadline(monkeypatch):
    goes_on = threading.Event()
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: [goes_on.wait(5)][:0])
    started = time.monotonic()
    answer = send("https://hanging.example/", b"", {}, deadline=0.3)
    goes_on.set()
    assert time.monotonic() - started < 1.5
    assert answer.status is None


def test_a_name_that_resolves_otherwise_at_the_connection_is_refused_there(resolves):
    """Checked at registration, then the name is pointed into the network."""
    resolves(PUBLIC[0])
    checked_url("https://partner.example/hook")
    resolves("127.0.0.1")
    answer = send("https://partner.example/hook", b"", {})
    assert answer.error == "partner.example is 127.0.0.1, which is not a public address."


@pytest.mark.parametrize("url", ["http://8.8.8.8/", "https://8.8.8.8:22/", "ftp://8.8.8.8/"])
def test_what_was_registered_under_other_settings_is_refused_when_it_is_sent(url):
    answer = send(url, b"", {}, deadline=1)
    assert (answer.status, answer.address) == (None, None)
    assert answer.error.startswith("It ")


@pytest.mark.parametrize("url", ["http://partner.example/", "https://partner.example:8443/"])
def test_what_is_allowed_to_this_machine_is_allowed_to_no_other(url, resolves, loopback):
    resolves(PUBLIC[0])
    with pytest.raises(AddressRefused, match="not a public address"):
        checked_url(url)


def test_the_peer_is_the_address_that_was_checked(loopback, resolves):
    with receiving() as receiver:
        port = receiver.url.rsplit(":", 1)[1].split("/")[0]
        resolves("127.0.0.1")
        answer = send(f"http://partner.example:{port}/hook?a=b", b"{}", {"webhook-id": "m"})
    (received,) = receiver.received
    assert (answer.status, answer.address, answer.text, answer.error) == (
        200,
        "127.0.0.1",
        "ok",
        "",
    )
    assert (received.path, received.headers["Host"]) == ("/hook?a=b", f"partner.example:{port}")
    assert received.headers["webhook-id"] == "m"
    assert "Cookie" not in received.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(loopback, status):
    with receiving() as other:
        elsewhere = {"Location": other.url}
        with receiving(Receiver(lambda _: (status, elsewhere, b""))) as receiver:
            answer = send(receiver.url, b"{}", {})
        assert (answer.status, answer.is_success) == (status, False)
        assert "redirect" in answer.error
        assert other.received == []


def test_little_is_kept_of_an_answer_and_no_control_characters(loopback):
    body = b"\x1b[31mred\x07\n" + b"x" * 10_000
    with receiving(Receiver(lambda _: (500, {"Retry-After": "7"}, body))) as receiver:
        answer = send(receiver.url, b"{}", {})
    assert (answer.status, answer.retry_after) == (500, "7")
    assert answer.text.startswith("[31mred\nxxx")
    assert len(answer.text) <= MOST_KEPT


def test_a_connection_is_kept_for_the_next_delivery(loopback):
    peers = []

    def answers_twice(peer) -> None:
        peers.append(peer.getpeername())
        for _ in range(2):
            _asked(peer)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with _raw_server(0, answers_twice) as port:
        answers = [send(f"http://127.0.0.1:{port}/", b"{}", {}, deadline=5) for _ in range(2)]
    assert [each.status for each in answers] == [200, 200]
    assert len(peers) == 1


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_anew(loopback):
    peers = []

    def answers_once_and_then_slams_the_door(peer) -> None:
        peers.append(peer.getpeername())
        _asked(peer)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if len(peers) == 1:
            _asked(peer)  # takes the next, and answers nothing

    with _raw_server(0, answers_once_and_then_slams_the_door) as port:
        answers = [send(f"http://127.0.0.1:{port}/", b"{}", {}, deadline=5) for _ in range(2)]
    assert [each.status for each in answers] == [200, 200]
    assert len(peers) == 2


@contextmanager
def _raw_server(port, behave):
    """Serve connections by hand, each in a thread of its own."""
    listening = socket.create_server(("127.0.0.1", port))
    stop = threading.Event()

    def accept() -> None:
        while not stop.is_set():
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=_quietly, args=(behave, peer), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        stop.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _asked(peer) -> bytes:
    """Read one request whole: its head and its body come apart."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (some := peer.recv(65536)):
            return read
        read += some
    head, _, body = read.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
    while len(body) < length:
        body += peer.recv(65536)
    return head + body


def _quietly(behave, peer) -> None:
    with peer, suppress(OSError):  # the other side has gone, as it should
        behave(peer)


def _drips(text: bytes):
    def behave(peer) -> None:
        _asked(peer)
        for byte in text:
            peer.sendall(bytes([byte]))
            time.sleep(0.05)

    return behave


def _hangs(peer) -> None:
    _asked(peer)
    time.sleep(5)


def _never_ends(peer) -> None:
    _asked(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        peer.sendall(b"x" * 65536)


def _resets(peer) -> None:
    _asked(peer)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


HEAD = b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 4000
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b"x" * 4000


@pytest.mark.parametrize(
    "behave", [_hangs, _drips(HEAD), _drips(BODY)], ids=["hung", "dripped head", "dripped body"]
)
def test_one_delivery_ends_at_its_deadline_by_the_clock(loopback, behave, record_property):
    with _raw_server(0, behave) as port:
        started = time.monotonic()
        answer = send(f"http://127.0.0.1:{port}/", b"{}", {}, deadline=0.5)
        spent = time.monotonic() - started
    record_property("s by the clock with a deadline of 0.5", f"{spent:.2f}")
    assert spent < 1.5
    assert (answer.status, answer.error) == (
        None,
        "There was no whole answer within 0.5 seconds.",
    )


def test_an_endless_answer_is_read_no_further_than_so_much(loopback):
    with _raw_server(0, _never_ends) as port:
        started = time.monotonic()
        answer = send(f"http://127.0.0.1:{port}/", b"{}", {}, deadline=5)
    assert time.monotonic() - started < 3
    assert (answer.status, len(answer.text)) == (200, MOST_KEPT)


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        (_resets, "The connection failed: "),
        (_asked, "The connection failed: "),
        (
            lambda peer: (_asked(peer), peer.sendall(b"nonsense\r\n\r\n")),
            "The connection failed: ",
        ),
    ],
    ids=["reset", "closed", "no HTTP"],
)
def test_what_is_no_answer_is_told_in_words(loopback, behave, error):
    with _raw_server(0, behave) as port:
        answer = send(f"http://127.0.0.1:{port}/", b"{}", {}, deadline=5)
    assert answer.status is None
    assert answer.error.startswith(error)
    assert len(answer.error) > len(error)


def test_a_closed_port_is_told_in_words(loopback):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    answer = send(f"http://127.0.0.1:{port}/", b"{}", {}, deadline=5)
    assert answer.error == "The connection failed: Connection refused"


def test_no_proxy_of_the_environment_is_used(loopback, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    sender._local.__dict__.clear()
    with receiving() as receiver:
        assert send(receiver.url, b"{}", {}).status == 200


# -- TLS -----------------------------------------------------------------------------------------


def certificate(folder, *names: str):
    """Return the file of a key with a certificate of its own for these names."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    began = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + timedelta(days=9))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@contextmanager
def tls_server(file, behave):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def secured(peer) -> None:
        with context.wrap_socket(peer, server_side=True) as wrapped:
            behave(wrapped)

    with _raw_server(0, secured) as port:
        yield port


def answers_ok(peer) -> None:
    _asked(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def trusting(monkeypatch):
    """Let this thread's session trust a certificate, as the system's store would."""

    def trust(file) -> None:
        sender._local.__dict__.clear()
        monkeypatch.setattr(sender._session(), "verify", str(file))

    yield trust
    sender._local.__dict__.clear()


def test_a_trusted_receiver_is_reached_over_tls_by_its_name(loopback, resolves, tmp_path, trusting):
    resolves("127.0.0.1")
    file = certificate(tmp_path, "partner.example")
    trusting(file)
    with tls_server(file, answers_ok) as port:
        answer = send(f"https://partner.example:{port}/", b"{}", {}, deadline=5)
    assert (answer.status, answer.address, answer.text, answer.error) == (
        200,
        "127.0.0.1",
        "ok",
        "",
    )


@pytest.mark.parametrize("name", ["other.example", ""], ids=["another name", "nobody's word"])
def test_a_receiver_that_cannot_prove_its_name_gets_nothing(
    loopback, resolves, tmp_path, trusting, name
):
    resolves("127.0.0.1")
    file = certificate(tmp_path, name or "partner.example")
    if name:
        trusting(file)
    got = []
    with tls_server(file, lambda peer: got.append(_asked(peer))) as port:
        answer = send(f"https://partner.example:{port}/", b"secret", {}, deadline=5)
    assert (answer.status, answer.error.partition(":")[0]) == (None, "TLS failed")
    assert got == []


@pytest.mark.parametrize(
    "behave", [_drips(HEAD), _drips(BODY)], ids=["dripped head", "dripped body"]
)
def test_one_delivery_over_tls_ends_at_its_deadline_by_the_clock(
    loopback, resolves, tmp_path, trusting, behave
):
    resolves("127.0.0.1")
    file = certificate(tmp_path, "partner.example")
    trusting(file)
    with tls_server(file, behave) as port:
        started = time.monotonic()
        answer = send(f"https://partner.example:{port}/", b"{}", {}, deadline=0.5)
    assert time.monotonic() - started < 1.5
    assert answer.error == "There was no whole answer within 0.5 seconds."


def test_a_handshake_that_never_ends_is_cut(loopback, resolves):
    resolves("127.0.0.1")
    with _raw_server(0, _hangs) as port:
        started = time.monotonic()
        answer = send(f"https://partner.example:{port}/", b"{}", {}, deadline=0.5)
    assert time.monotonic() - started < 1.5
    assert answer.error == "There was no whole answer within 0.5 seconds."
