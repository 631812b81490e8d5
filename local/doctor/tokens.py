"""Is there a token, and what may its bearer do? The token itself is never told."""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from local.doctor.failures import NEEDS_CONSENT
from local.doctor.report import Finding, detail, failed, well
from local.doctor.shapes import HIDDEN, words, yes
from local.doctor.subject import Subject
from shared.json_text import loads
from shared.setting_values import is_loopback

_GRAPH_ROLE = "PartnerBilling.Read.All"
_DOT_DEFAULT = "/.default"
_MICROSOFT = (".microsoft.com", ".windows.net", ".microsoftonline.cn", ".microsoft.us")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def partner_center_token(subject: Subject) -> Iterator[Finding]:
    """Tell whether there is a token for Partner Center, and what it says."""
    _, findings = _token(subject, subject.settings.scope)
    yield from findings


def graph_token(subject: Subject) -> Iterator[Finding]:
    """Tell the same of Microsoft Graph's token, and whether the permission is in it."""
    subject.uses_graph()
    claims, findings = _token(subject, subject.settings.graph_scope)
    yield from findings
    if claims is None:
        return
    if _GRAPH_ROLE in _roles(claims):
        yield well(f"{_GRAPH_ROLE} is among the roles")
    else:
        yield failed(f"{_GRAPH_ROLE} is not among the roles", NEEDS_CONSENT)


def _token(subject: Subject, scope: str) -> tuple[dict[str, Any] | None, list[Finding]]:
    """Get a token; give its claims (None: opaque) and what is to be told of it."""
    token = subject.credential.token(scope)
    subject.scopes.add(scope)
    claims = claims_of(token.token)
    left = f"got one, {token.expires_on - time.time():.0f} s to live"
    if claims is None:
        return None, [well(f"{left}; it is opaque and says nothing of its roles")]
    return claims, [
        well(left),
        detail(f"audience: {_audience(claims, scope)}"),
        detail(f"roles: {words(_roles(claims))}"),
        detail(f"of the tenant of the settings: {_of_tenant(claims, subject)}"),
    ]


def claims_of(token: str) -> dict[str, Any] | None:
    """Read what a JWT says, whoever has signed it; None for a token that is opaque."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        claims = loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
    return claims if isinstance(claims, dict) else None


def _roles(claims: dict[str, Any]) -> list[object]:
    roles = claims.get("roles")
    return roles if isinstance(roles, list) else []


def _audience(claims: dict[str, Any], scope: str) -> str:
    """Give the audience where it is an address; an id may be the app registration's."""
    audience = claims.get("aud")
    if not isinstance(audience, str):
        return HIDDEN
    if audience.rstrip("/") == scope.removesuffix(_DOT_DEFAULT):
        return f"{_host(audience)}, as asked for"
    return f"{_host(audience)}, another than was asked for (not a failure: services have ids, too)"


def _host(audience: str) -> str:
    host = urlsplit(audience).hostname or ""
    if host.endswith(_MICROSOFT) or is_loopback(host):
        return host
    return "{id}" if _GUID.search(audience) else HIDDEN


def _of_tenant(claims: dict[str, Any], subject: Subject) -> str:
    tenant = subject.settings.tenant_id
    if not _GUID.fullmatch(tenant):
        return "not compared, the setting is a name"
    return yes(str(claims.get("tid")).lower() == tenant.lower())
