"""When the app registration's secret or certificate ends, as far as the app can know."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.settings import Settings


def credential_days(settings: Settings, at: datetime) -> int | None:
    """Give the whole days until the credential ends, negative after it; None where that is not known.

    A secret does not say when it ends, PARTNER_CENTER_CLIENT_SECRET_EXPIRES does; a certificate
    says it itself; a managed identity has no end.
    """
    end = None
    if settings.client_secret and settings.client_secret_expires:
        end = datetime.combine(settings.client_secret_expires, time(), UTC)
    elif settings.client_certificate:
        end = _end_of(settings.client_certificate.get_secret_value())
    elif settings.client_certificate_path:
        # One that cannot be read is told by who asks for a token.
        with suppress(OSError):
            end = _end_of(settings.client_certificate_path.read_bytes())
    return (end - at).days if end else None


def _end_of(certificate: bytes) -> datetime | None:
    """Read a certificate in PEM or PFX form, with its private key; None where it cannot be read."""
    # Imported here because a cold start does not wait for it.
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509 import load_pem_x509_certificate

    with suppress(ValueError):
        if b"-----BEGIN" in certificate:
            return load_pem_x509_certificate(certificate).not_valid_after_utc
        _, found, _ = pkcs12.load_key_and_certificates(certificate, None)
        return found.not_valid_after_utc if found else None
    return None
