"""How many days the secret or the certificate of the app registration has left."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    NoEncryption,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509 import load_pem_x509_certificate

from shared.auth.expiry import credential_days
from shared.settings import Settings
from tests.unit.test_settings import ENOUGH

NOW = datetime(2026, 11, 26, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def pem() -> bytes:
    """A certificate with its key that ends 40 days and some hours later."""
    made = trustme.CA().issue_cert("app", not_after=NOW + timedelta(days=40, hours=3))
    return made.private_key_and_cert_chain_pem.bytes()


def days(**settings: str) -> int | None:
    return credential_days(Settings.from_environment(ENOUGH | settings), NOW)


def test_a_secret_ends_on_the_day_that_is_set() -> None:
    """Negative once it is over; unknown where nobody has said it."""
    expires = "PARTNER_CENTER_CLIENT_SECRET_EXPIRES"
    secret = {"PARTNER_CENTER_CLIENT_SECRET": "x"}
    assert days(**secret, **{expires: "2026-12-26"}) == 29
    assert days(**secret, **{expires: "2026-11-20"}) == -7
    assert days(**secret) is None


def test_a_managed_identity_has_no_end() -> None:
    """Whatever else is set."""
    assert days(PARTNER_CENTER_CLIENT_SECRET_EXPIRES="2026-12-26") is None


def test_a_certificate_says_it_itself(pem: bytes, tmp_path: Path) -> None:
    """As a file, as PEM text, and as the PFX of a key vault."""
    path = tmp_path / "app.pem"
    path.write_bytes(pem)
    assert days(PARTNER_CENTER_CLIENT_CERTIFICATE_PATH=str(path)) == 40
    assert days(PARTNER_CENTER_CLIENT_CERTIFICATE=pem.decode()) == 40
    key, certificate = load_pem_private_key(pem, None), load_pem_x509_certificate(pem)
    pfx = pkcs12.serialize_key_and_certificates(b"app", key, certificate, None, NoEncryption())  # type: ignore[arg-type]
    assert days(PARTNER_CENTER_CLIENT_CERTIFICATE=base64.b64encode(pfx).decode()) == 40


def test_a_certificate_that_cannot_be_read_is_told_by_who_needs_it(tmp_path: Path) -> None:
    """Here its end is just not known."""
    path = tmp_path / "app.pem"
    path.write_text("no certificate")
    assert days(PARTNER_CENTER_CLIENT_CERTIFICATE_PATH=str(path)) is None
    path.unlink()
    assert days(PARTNER_CENTER_CLIENT_CERTIFICATE="AAEC") is None
