"""The webhook that speaks HTTPS itself: notifications over it, its protocols, certificates that change under load."""
import http.client
import os
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from authority import Authority
from emulator import USER
from failures import DAY_MS, Clock
from mirror import LONG, PATIENCE, Mirror, wait_for
from pair import token_account

PROOF = "google1234567890abcdef.html"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def door(start, authority, tmp_path):
    return Door(start, authority, tmp_path)


class Door:
    """A pair whose notifications come in over HTTPS, and the files of its listener's certificate."""

    def __init__(self, start, authority, directory):
        self.authority = authority
        self.cert, self.key = str(directory / "live.pem"), str(directory / "live.key")
        self.install(*authority.issue("first"))
        self.pair = start(prepare=lambda emulator: emulator.set_pings(tls_ca=authority.file),
                          webhook={"tls_cert": self.cert, "tls_key": self.key, "site_verification": PROOF},
                          sync={"poll_interval": "1h", "poll_interval_unhealthy": "1h"})
        self.mirror = self.pair.mirror

    def install(self, *files):
        for source, target in zip(files, (self.cert, self.key)):
            shutil.copy2(source, target + ".new")
            os.rename(target + ".new", target)

    def connect(self, **versions):
        connection = http.client.HTTPSConnection("127.0.0.1", self.mirror.hook_port, timeout=LONG * PATIENCE,
                                                 context=self.authority.context(**versions))
        connection.connect()
        return connection

    def serial(self):
        connection = self.connect()
        try:
            return connection.sock.getpeercert()["serialNumber"]
        finally:
            connection.close()

    def replace(self, files, told, by_signal=True):
        """Installs the files and waits until the log tells of it; returns what it told."""
        seen = len(self.mirror.log_text())
        self.install(*files)
        if by_signal:
            self.mirror.read_notifications()  # or the service waits for room to tell of another reload
            self.mirror.process.send_signal(signal.SIGHUP)
        wait_for(told, lambda: told in self.mirror.log_text()[seen:])
        return self.mirror.log_text()[seen:]


def serial_of(cert):
    text = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-serial"], check=True, capture_output=True)
    return text.stdout.decode().strip().removeprefix("serial=")


def ask(connection, method, path, headers=None):
    connection.request(method, path, headers=headers or {})
    response = connection.getresponse()
    return response.status, response.read().decode()


def test_notifications_come_in_over_https(door):
    """A change is known at once although nothing is polled; both channels prove themselves over HTTPS."""
    pair = door.pair
    pair.wait_live(USER)
    event = pair.google.insert(USER, summary="over https")["id"]
    pair.wait_equal(USER)
    assert event in pair.mirror.all_events(USER)
    assert {p["status"] for p in pair.emulator.pings()} == {200}
    assert pair.collection(USER)["pulls"] <= 3


def test_what_is_served(door):
    """TLS 1.2 and 1.3 and nothing older; the proof for the Search Console; nothing else, and nobody who speaks HTTP."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        connection = door.connect(minimum_version=version, maximum_version=version)
        assert "GCM" in connection.sock.cipher()[0] or "POLY1305" in connection.sock.cipher()[0]
        assert ask(connection, "GET", "/" + PROOF) == (200, "google-site-verification: " + PROOF)
        assert ask(connection, "HEAD", "/" + PROOF) == (200, "")
        assert ask(connection, "POST", "/" + PROOF)[0] == 404
        assert ask(connection, "GET", "/")[0] == 404
        assert ask(connection, "GET", "/hooks/google")[0] == 405
        assert ask(connection, "POST", "/hooks/google") == (200, "")
        connection.close()
    old = ["openssl", "s_client", "-connect", f"127.0.0.1:{door.mirror.hook_port}", "-cipher", "ALL:@SECLEVEL=0"]
    for version in ("-tls1", "-tls1_1"):
        told = subprocess.run(old + [version], input=b"", capture_output=True, check=False, timeout=LONG * PATIENCE)
        assert told.returncode != 0 and b"Cipher is (NONE)" in told.stdout
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        door.mirror.request("POST", "/hooks/google", port=door.mirror.hook_port)


def test_certificates_change_under_load(door):
    """New certificates while notifications keep coming in: none is lost, no connection is cut, the last is in force."""
    pair = door.pair
    pair.wait_live(USER)
    connection = door.connect()
    before = len(pair.emulator.pings())
    stop = threading.Event()
    answers = []

    def keep_pinging():
        while not stop.is_set():
            pair.emulator.ping(calendar=USER)

    def keep_asking():  # on the one connection, which would be closed if it were silent
        while not stop.wait(0.05):
            try:
                answers.append(ask(connection, "POST", "/hooks/google")[0])
            except (OSError, http.client.HTTPException) as e:
                answers.append(repr(e))
                break

    load = [threading.Thread(target=keep) for keep in (keep_pinging, keep_asking)]
    for thread in load:
        thread.start()
    try:
        for name, by_signal in (("second", True), ("third", True), ("fourth", False)):
            new = door.authority.issue(name)
            door.replace(new, "a new certificate is in force", by_signal)
            assert door.serial() == serial_of(new[0])
            asked = len(answers)
            wait_for("another answer", lambda n=asked: len(answers) > n + 1)
        wait_for("some notifications", lambda: len(pair.emulator.pings()) > before + 20)
    finally:
        stop.set()
        for thread in load:
            thread.join()
    assert set(answers) == {200}
    connection.close()
    pair.emulator.wait_pings_done()
    assert {p["status"] for p in pair.emulator.pings()[before:]} == {200}


def test_a_bad_new_certificate_is_not_taken(door):
    """Garbage, a key of another certificate, one that is over or for another host: the old one stays, the log says why."""
    first = door.serial()
    garbage, open_key = door.authority.path("garbage.pem"), door.authority.path("open.key")
    with open(garbage, "w", encoding="ascii") as f:
        f.write("no certificate\n")
    cert, key = door.authority.issue("fifth")
    shutil.copy2(key, open_key)
    os.chmod(open_key, 0o604)
    for files, why in (((garbage, key), "live.pem: "), ((cert, door.authority.key), "not the key of"),
                       ((cert, open_key), "others have access"),
                       (door.authority.issue("over", days=-1), "no longer valid"),
                       (door.authority.issue("elsewhere", hosts="DNS:elsewhere.example"), "for another host")):
        text = door.replace(files, "the new certificate is not taken: ")
        assert why in text and "the old certificate stays in force" in text
        assert door.serial() == first
    door.replace((cert, key), "a new certificate is in force")
    assert door.serial() == serial_of(cert)


def test_a_certificate_that_nobody_renews(start, authority, tmp_path):
    """It is spoken of when its end draws near, again when it is there, and not more than once a day; the metric has its end."""
    cert, key = authority.issue("forgotten", days=30)
    clock = Clock(tmp_path)
    mirror = start(webhook={"tls_cert": cert, "tls_key": key}, ready=False, env=clock.env).mirror
    assert "certificate ends soon" not in mirror.log_text()
    clock.turn(29 * DAY_MS, 29 * DAY_MS)
    wait_for("a warning", lambda: "the certificate ends soon" in mirror.log_text())
    clock.turn(2 * DAY_MS, 2 * DAY_MS)
    wait_for("an error", lambda: "the certificate is no longer valid" in mirror.log_text())
    assert mirror.log_text().count("the certificate ends soon") == mirror.log_text().count("no longer valid") == 1
    told = re.search(r"calmirror_tls_certificate_expiry_timestamp_seconds (\d+)\n", mirror.get("/metrics").body.decode())
    assert abs(int(told[1]) - time.time() - 30 * 86400) < 600


@pytest.mark.alone
def test_handshakes_that_never_end(door):
    """More of them than there is room for, from several addresses: who means it is let in, and memory stays small."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most if 0 <= most < 4096 else 4096, most))
    before = door.mirror.rss_anon_kib()
    opened = []
    try:
        for i in range(800):
            s = socket.socket()
            s.bind((f"127.0.0.{2 + i % 8}", 0))
            s.connect(("127.0.0.1", door.mirror.hook_port))
            s.send(b"\x16\x03\x01")  # the head of a record, and nothing of it
            opened.append(s)
        for _ in range(10):
            connection = door.connect()
            assert ask(connection, "POST", "/hooks/google") == (200, "")
            connection.close()
        assert PATIENCE > 1 or door.mirror.rss_anon_kib() - before <= 32 * 1024  # sanitizers keep what is freed
    finally:
        for s in opened:
            s.close()


@pytest.mark.parametrize("mode, cert, said", [
    (0o644, None, "others have access to it (mode 0644): run chmod 600"), (0o600, "/nonexistent.pem", "/nonexistent.pem: ")])
def test_it_does_not_start_without_a_certificate(authority, tmp_path, mode, cert, said):
    good, key = authority.issue("start")
    os.chmod(key, mode)
    with Mirror(tmp_path / "mirror", "http://127.0.0.1:1", {"test": token_account(tmp_path)},
                webhook={"tls_cert": cert or good, "tls_key": key}) as mirror:
        mirror.start(wait=False)
        assert mirror.wait_end() != 0
        assert "not started: webhook: " in mirror.log_text() and said in mirror.log_text()
