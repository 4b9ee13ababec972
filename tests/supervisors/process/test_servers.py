"""What the metrics and health servers answer, on real sockets."""

from __future__ import annotations

import asyncio
import ipaddress
import random
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from actors.runtime.actor import Actor
from actors.runtime.backoff import Backoff
from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from supervisors.process.endpoints import Endpoints
from supervisors.process.metrics import Metrics
from supervisors.process.servers import HealthServer, MetricsServer
from supervisors.serving import acceptor
from supervisors.serving.exposure import Exposure
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.intensity import Intensity
from supervisors.tree.supervisor import Supervisor
from tests.eventually import soon
from tests.fake_clock import FakeClock
from tests.supervisors.serving.clients import ANY_PORT, get, running


@pytest.fixture
def runtime():
    """The real clock, and no observer."""
    return Runtime(SystemClock(), random.Random(1))


async def test_metrics_are_served_in_the_format_that_the_reader_accepts(runtime):
    metrics = Metrics("1.2.3", runtime.clock.monotonic)
    async with running(MetricsServer(runtime, ANY_PORT, metrics.render, None)) as server:
        plain = await get(server, "/metrics")
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        newer = await get(server, "/metrics", headers=accept)
        missing = await get(server, "/")
    assert 'falco_operator_build_info{python="' in plain.text
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert newer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert newer.text.endswith("# EOF\n")
    assert missing.status == 404


async def test_clients_in_a_handshake_make_room_as_idle_ones_do(runtime, tmp_path, monkeypatch):
    monkeypatch.setattr(acceptor, "_MOST_CLIENTS", 3)
    issue(tmp_path)
    async with running(MetricsServer(runtime, ANY_PORT, rendered, tmp_path)) as server:
        silent = [await asyncio.open_connection(*server.address) for _ in range(9)]
        answer = await get(server, "/metrics", scheme="https", ssl=trusting(tmp_path))
        assert await silent[0][0].read() == b""
        for _, writer in silent:
            writer.close()
    assert answer.status == 200


async def test_metrics_over_tls_are_verified_against_their_certificate(runtime, tmp_path):
    issue(tmp_path)
    async with running(MetricsServer(runtime, ANY_PORT, rendered, tmp_path)) as server:
        answer = await get(server, "/metrics", scheme="https", ssl=trusting(tmp_path))
        with pytest.raises(aiohttp.ClientError):
            await get(server, "/metrics")
    assert (answer.status, answer.text) == (200, "metrics")


async def test_a_renewed_certificate_is_used_and_a_broken_one_is_not(tmp_path, caplog):
    clock = FakeClock()
    old = issue(tmp_path)
    runtime = Runtime(clock, random.Random(1))
    async with running(MetricsServer(runtime, ANY_PORT, rendered, tmp_path)) as server:
        assert await served_certificate(server, tmp_path) == old
        new = issue(tmp_path)
        assert new != old
        await clock.advance(30)
        assert await served_certificate(server, tmp_path) == new
        key = (tmp_path / "tls.key").read_bytes()
        (tmp_path / "tls.key").write_bytes(b"no key")
        await clock.advance(30)
        assert await served_certificate(server, tmp_path) == new
        assert "the TLS certificate in use is kept" in caplog.text
        (tmp_path / "tls.key").write_bytes(key)
        (tmp_path / "tls.crt").unlink()
        await clock.advance(30)
        assert (await get(server, "/metrics", scheme="https", ssl=False)).status == 200


def test_a_missing_or_encrypted_key_fails_at_once_and_names_the_file(runtime, tmp_path):
    with pytest.raises(OSError, match=r"tls\.crt"):
        MetricsServer(runtime, ANY_PORT, rendered, tmp_path)
    issue(tmp_path, serialization.BestAvailableEncryption(b"secret"))
    with pytest.raises(OSError, match=r"cannot load .*tls\.crt and .*tls\.key"):
        MetricsServer(runtime, ANY_PORT, rendered, tmp_path)


async def test_health_and_readiness_are_200_or_503_with_a_line_for_each_reason(runtime):
    waits = {"watchers": "Falco is not listed", "leader": None, "router": "starting"}
    ready = {name: lambda name=name: waits[name] for name in waits}
    async with running(HealthServer(runtime, ANY_PORT, ready)) as server:
        healthy = await get(server, "/healthz")
        waiting = await get(server, "/readyz")
        waits.update(watchers=None, router=None)
        complete = await get(server, "/readyz")
        missing = await get(server, "/livez")
    assert (healthy.status, healthy.text) == (200, "ok\n")
    assert waiting.status == 503
    assert waiting.text == "watchers: Falco is not listed\nrouter: starting\n"
    assert (complete.status, complete.text) == (200, "ok\n")
    assert missing.status == 404


async def test_a_part_that_waits_out_its_backoff_is_not_ready_but_alive(runtime):
    class Broken(Actor):
        async def on_start(self):
            raise ValueError("a bug")

    backoff = Backoff(base=3600.0, cap=3600.0)
    root = Supervisor(
        runtime,
        "root",
        [ChildSpec("part", lambda: Broken.start(runtime))],
        intensity=Intensity(3, 60.0),
        backoff=backoff,
    )
    exposed = Exposure(None, None, ANY_PORT, None, Path())
    metrics = Metrics("1.2.3", runtime.clock.monotonic)
    endpoints = Endpoints(
        runtime, "program", exposed, metrics, lambda: None, lambda: root, lambda: root
    )
    ref = root.launch()
    await soon(lambda: root.waiting() == ("part",))
    [health] = [spec for spec in endpoints.specs() if spec.name == "health"]
    server = health.start()
    await soon(lambda: server.describe()["state"] == "idle")
    actor = server.actor_inbox.actor
    healthy, ready = await get(actor, "/healthz"), await get(actor, "/readyz")
    await server.stop()
    await ref.stop()
    assert (healthy.status, healthy.text) == (200, "ok\n")
    assert (ready.status, ready.text) == (503, "supervisors: to be started again: part\n")


async def test_a_check_that_crashes_is_not_ready(runtime, caplog):
    def check():
        raise ValueError("a bug")

    async with running(HealthServer(runtime, ANY_PORT, {"buggy": check})) as server:
        answer = await get(server, "/readyz")
    assert answer.status == 500
    assert "a bug" not in answer.text
    assert "HealthServer failed to answer /readyz" in caplog.text


def rendered(_accept):
    return b"metrics", "text/plain"


def trusting(directory: Path):
    context = ssl.create_default_context(cafile=directory / "tls.crt")
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


async def served_certificate(server, directory):
    """The DER of the certificate that a new connection is shown."""
    del directory
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(*server.address, ssl=context)
    try:
        return writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
        await writer.wait_closed()


def issue(directory: Path, encryption=None):
    """Write a new self-signed certificate for 127.0.0.1 and return its DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "metrics")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    (directory / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            encryption or serialization.NoEncryption(),
        )
    )
    return certificate.public_bytes(serialization.Encoding.DER)
