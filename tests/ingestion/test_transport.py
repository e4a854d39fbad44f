"""The line over real sockets: what arrives, what an end looks like, what waits."""

import shutil
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import LineDown, LineRefused
from ingestion.transport import Line, connect
from tests.ingestion.wire_server import Peer, WireServer, frame


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer(headers="X-Pairsight-Simulator: replay\r\n") as running:
        yield running


@pytest.fixture
def ends(server: WireServer) -> Iterator[tuple[Line, Peer]]:
    line = connect(server.url + "/public/stream")
    yield line, server.peer()
    line.close()


def read(line: Line, count: int) -> list[bytes]:
    """Messages until there are ``count``; fails when two seconds bring nothing at all."""
    messages: list[bytes] = []
    while len(messages) < count:
        before = line.received
        messages += line.read(2.0)
        assert line.received > before, f"got {len(messages)} messages and nothing more"
    return messages


def until_down(line: Line) -> LineDown:
    with pytest.raises(LineDown) as caught:  # noqa: PT012 (it goes down at some read)
        while True:
            line.read(2.0)
    return caught.value


def test_messages_of_every_length_arrive_whole_and_in_order(ends: tuple[Line, Peer]) -> None:
    line, peer = ends
    sent = [b"x" * size for size in (0, 1, 125, 126, 127, 65535, 65536, 300_000, 3)]
    writer = threading.Thread(target=lambda: peer.say(b"".join(map(frame, sent))))
    writer.start()
    arrived = read(line, len(sent))
    writer.join()
    assert [len(message) for message in arrived] == [len(message) for message in sent]
    assert arrived == sent


def test_a_frame_that_comes_in_pieces_survives_timeouts(ends: tuple[Line, Peer]) -> None:
    line, peer = ends
    whole = frame(b'{"a":1}' * 30)
    for cut in range(1, 6):
        peer.say(whole[:cut])
        assert line.read(0.05) == []
        assert line.mid_frame
        peer.say(whole[cut:])
        assert read(line, 1) == [b'{"a":1}' * 30]
        assert not line.mid_frame


def test_nothing_within_the_timeout_is_an_empty_list(ends: tuple[Line, Peer]) -> None:
    assert ends[0].read(0.01) == []


def test_a_server_ping_is_answered_with_its_payload_and_is_no_message(ends: tuple[Line, Peer]) -> None:
    line, peer = ends
    before = line.received
    peer.say(frame(b"a") + frame(b"1721347022708", opcode=9) + frame(b"b"))
    assert read(line, 2) == [b"a", b"b"]
    assert peer.heard() == (10, b"1721347022708")
    assert line.received > before


def test_a_pong_is_heard_and_is_no_message(ends: tuple[Line, Peer]) -> None:
    line, peer = ends
    line.ping()
    assert peer.heard()[0] == 9
    before = line.received
    peer.say(frame(b"", opcode=10))
    assert line.read(2.0) == []
    assert line.received == before + 2


def test_fragments_become_one_message_even_with_a_ping_between(ends: tuple[Line, Peer]) -> None:
    line, peer = ends
    peer.say(frame(b"ab", 1, fin=False) + frame(b"?", 9) + frame(b"", 0, fin=False))
    assert line.read(2.0) == []
    assert line.mid_frame
    peer.say(frame(b"cd", 0) + frame(b"e"))
    assert read(line, 2) == [b"abcd", b"e"]
    assert not line.mid_frame


@pytest.mark.parametrize("size", [3, 125, 126, 200, 65_535, 65_536, 70_000])
def test_fragments_of_any_length_become_one_message(ends: tuple[Line, Peer], size: int) -> None:
    line, peer = ends
    parts = [bytes([letter]) * size for letter in b"abc"]
    whole = frame(parts[0], 1, fin=False) + frame(b"?" * 125, 9) + frame(parts[1], 0, fin=False) + frame(parts[2], 0)
    peer.say(whole + frame(b"next" * 50, 2) + frame(b"last" * 50))
    assert read(line, 3) == [b"".join(parts), b"next" * 50, b"last" * 50]


def test_what_came_before_a_close_frame_is_not_lost(ends: tuple[Line, Peer]) -> None:
    line, peer = ends
    peer.say(frame(b"last") + frame(struct.pack("!H", 1008) + b"Too many requests", opcode=8))
    assert read(line, 1) == [b"last"]
    assert "1008 Too many requests" in str(until_down(line))


def test_a_cut_without_a_word_is_line_down(ends: tuple[Line, Peer]) -> None:
    line, peer = ends
    peer.say(frame(b"a"))
    peer.cut()
    assert read(line, 1) == [b"a"]
    until_down(line)
    with pytest.raises(LineDown):
        line.send("x")


@pytest.mark.parametrize(
    "header",
    [b"\x81\x7f" + struct.pack("!Q", 1 << 40), b"\x01\x7f" + struct.pack("!Q", (1 << 20) + 1)],
    ids=["text", "fragment"],
)
def test_an_oversized_frame_ends_the_line_before_it_is_read(ends: tuple[Line, Peer], header: bytes) -> None:
    line, peer = ends
    peer.say(header + b"x" * 100)
    assert "more than" in str(until_down(line))


def test_fragments_cannot_add_up_beyond_the_bound(ends: tuple[Line, Peer]) -> None:
    line, peer = ends
    part = b"x" * 400_000

    def pour() -> None:
        peer.say(frame(part, 1, fin=False) + frame(part, 0, fin=False) + frame(part, 0, fin=False))

    writer = threading.Thread(target=pour)
    writer.start()
    assert "more than" in str(until_down(line))
    peer.cut()
    writer.join()


@pytest.mark.parametrize(
    "junk",
    [b"\x83\x01x", b"\xc1\x01x", b"\x80\x01x", b"\x09\x01x", b"\x88\x01x", frame(b"a", 1, fin=False) + frame(b"b")],
    ids=["opcode", "rsv", "loose end", "split ping", "short close", "text within text"],
)
def test_a_broken_protocol_is_line_down(ends: tuple[Line, Peer], junk: bytes) -> None:
    line, peer = ends
    peer.say(junk)
    assert "protocol" in str(until_down(line))


def test_close_from_another_thread_wakes_a_waiting_read(ends: tuple[Line, Peer]) -> None:
    line, _ = ends
    waker = threading.Timer(0.05, line.close)
    waker.start()
    with pytest.raises(LineDown, match="closed here"):
        line.read(30.0)
    waker.join()


def test_close_says_goodbye_and_may_be_repeated(ends: tuple[Line, Peer]) -> None:
    line, peer = ends
    line.close()
    line.close()
    assert peer.heard() == (8, struct.pack("!H", 1000))
    with pytest.raises(LineDown):
        line.read(1.0)


def test_text_is_sent_as_it_is(ends: tuple[Line, Peer]) -> None:
    line, peer = ends
    line.send('{"method":"SUBSCRIBE","params":["币安人生usdt@trade"],"id":1}')
    opcode, payload = peer.heard()
    assert (opcode, payload.decode()) == (1, '{"method":"SUBSCRIBE","params":["币安人生usdt@trade"],"id":1}')


def test_the_headers_of_the_handshake_are_kept(ends: tuple[Line, Peer]) -> None:
    assert ends[0].headers["x-pairsight-simulator"] == "replay"
    assert ends[1].path == "/public/stream"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (451, "does not serve this location"),
        (403, "firewall"),
        (429, "less often"),
        (418, "banned"),
        (503, "available"),
    ],
)
def test_an_http_status_is_line_refused_with_a_sentence(status: int, said: str) -> None:
    answer = f"HTTP/1.1 {status} No\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno"
    with WireServer(answers=iter([answer])) as server, pytest.raises(LineRefused, match=said) as caught:
        connect(server.url)
    assert (caught.value.status, caught.value.retry_after_s) == (status, 7.0)


def test_nobody_at_the_address_is_line_down() -> None:
    with WireServer() as server:
        url = server.url
    with pytest.raises(LineDown, match="Nothing listens"):
        connect(url)


def test_an_unknown_host_is_line_down() -> None:
    with pytest.raises(LineDown, match="cannot be found"):
        connect("ws://no-such-host.invalid/")


def test_a_server_that_does_not_speak_the_protocol_is_line_down() -> None:
    with WireServer(answers=iter(["HTTP/1.1 101 OK\r\n\r\n"])) as server, pytest.raises(LineDown):
        connect(server.url)


def test_a_server_that_says_nothing_is_line_down() -> None:
    with WireServer(answers=iter([""])) as server, pytest.raises(LineDown):
        connect(server.url, timeout_s=0.5)


# The same over TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: no certificate to test with")
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject,
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl could not make a certificate")
    whole = folder / "both.pem"
    whole.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return whole


@pytest.fixture
def secure(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WireServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(certificate.parent / "cert.pem"))
    with WireServer(tls=context) as running:
        yield running


def test_over_tls_messages_arrive_whole_in_pieces_and_across_timeouts(secure: WireServer) -> None:
    line = connect(secure.url)
    peer = secure.peer()
    sent = [b"x" * size for size in (1, 125, 20_000, 70_000, 2)]
    stream = b"".join(map(frame, sent))
    arrived: list[bytes] = []
    for at in range(0, len(stream), 9_999):
        peer.say(stream[at : at + 9_999])
        arrived += line.read(0.02)
    while len(arrived) < len(sent):
        arrived += line.read(2.0)
    assert arrived == sent
    assert line.read(0.01) == []
    line.ping()
    assert peer.heard()[0] == 9
    line.close()


def test_over_tls_close_from_another_thread_wakes_a_waiting_read(secure: WireServer) -> None:
    line = connect(secure.url)
    secure.peer()
    waker = threading.Timer(0.05, line.close)
    waker.start()
    with pytest.raises(LineDown, match="closed here"):
        line.read(30.0)
    waker.join()


def test_over_tls_a_cut_is_line_down(secure: WireServer) -> None:
    line = connect(secure.url)
    secure.peer().cut()
    until_down(line)


def test_a_certificate_nobody_vouches_for_is_refused_in_words(
    secure: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEBSOCKET_CLIENT_CA_BUNDLE")
    with pytest.raises(LineDown, match="certificate of localhost"):
        connect(secure.url)
