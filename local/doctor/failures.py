"""What an error comes to: its kind, status and code, never its text, and who has to do what."""

from __future__ import annotations

import re
from collections.abc import Callable

from azure.core.exceptions import AzureError

from local.doctor.report import Finding, failed
from local.doctor.shapes import code
from shared.api.graph import PERMISSION
from shared.errors import ApiError, Fatal, FileRefused, NoAnswer, NotFound, Refused, Throttled
from shared.storage.failures import error_code

Advice = Callable[[Exception], str]

REPORT = "Whoever runs this: report it to this project, with the whole output."
NEEDS_CONSENT = f"An owner of the app registration, and an administrator: {PERMISSION}."
LATER = "Whoever runs this: run `make doctor` again in some minutes; it mostly passes."

_KINDS: dict[type[ApiError], str] = {
    Throttled: "throttled",
    NoAnswer: "no connection, or no answer in time",
    FileRefused: "the signature is refused, or there is no such file",
    NotFound: "not found",
    Refused: "refused",
}
_ENTRA_ID = {
    "AADSTS7000215": "Whoever has set PARTNER_CENTER_CLIENT_SECRET: the secret is wrong. Its value is "
    "needed, not its id.",
    "AADSTS7000222": "An owner of the app registration: the secret has expired; make a new one and set "
    "PARTNER_CENTER_CLIENT_SECRET.",
    "AADSTS700016": "Whoever has set PARTNER_CENTER_CLIENT_ID: the tenant has no such app registration.",
    "AADSTS90002": "Whoever has set PARTNER_CENTER_TENANT_ID: there is no such tenant.",
    "AADSTS700213": "An owner of the app registration: the subject of its federated credential has to be "
    "the object id of the managed identity.",
}


def finding_of(error: Exception, advice: Advice) -> Finding:
    """Tell an error."""
    known = isinstance(error, ApiError | AzureError)
    return failed(_what(error), advice(error) if known else REPORT)


def _what(error: Exception) -> str:
    if isinstance(error, ApiError):
        entra_id = re.search(r"AADSTS[0-9]+", str(error))
        return _with(_kind(error), error.status, error.code or (entra_id and entra_id[0]))
    if isinstance(error, AzureError):
        status = getattr(error, "status_code", None)
        kind = "refused" if status else f"no connection, or no identity ({type(error).__name__})"
        return _with(kind, status, error_code(error))
    return f"an error that the doctor does not know ({type(error).__name__})"


def _kind(error: ApiError) -> str:
    for kind, text in _KINDS.items():
        if isinstance(error, kind):
            return text
    if isinstance(error, Fatal):
        return "refused" if error.status else "it sends to an address that is not trusted"
    return "it fails for now" if (error.status or 0) >= 400 else "the answer is broken"


def _with(text: str, status: int | None, error_code: str | None) -> str:
    if status:
        text += f", status {status}"
    # Entra ID's codes are a word and a number.
    known = error_code and (error_code if error_code.startswith("AADSTS") else code(error_code))
    return f"{text}, code {known}" if known else text


def entra_id(error: Exception) -> str:
    """Say what helps where there is no token."""
    if isinstance(error, NoAnswer):
        return (
            "Whoever runs this: look at PARTNER_CENTER_AUTHORITY, and at whether this machine may reach "
            "it (proxy, firewall, certificates)."
        )
    for aadsts, text in _ENTRA_ID.items():
        if re.search(rf"{aadsts}\b", str(error)):
            return text
    return (
        "Whoever has set them: look at PARTNER_CENTER_TENANT_ID, PARTNER_CENTER_CLIENT_ID and the secret "
        "or certificate. A managed identity is there only where the app runs: elsewhere `make doctor` "
        "needs a secret or certificate."
    )


def partner_center(error: Exception) -> str:
    """Say what helps where Partner Center does not answer as it should."""
    if isinstance(error, Refused):
        return (
            "An administrator of Partner Center: add the app registration to Partner Center's app "
            "management. Microsoft names Admin agent and Billing admin as fit roles; indirect resellers "
            "have no API access. See docs/permissions.md. With status 401, PARTNER_CENTER_URL or "
            "PARTNER_CENTER_SCOPE may be wrong, too."
        )
    return _of_service(error, "PARTNER_CENTER_URL")


def graph(error: Exception) -> str:
    """Say what helps where Microsoft Graph does not answer as it should."""
    if isinstance(error, Refused) and error.status == 401:
        return (
            "Whoever has set GRAPH_URL: the token is not taken. It is asked for the host of GRAPH_URL, which "
            "has to be Microsoft Graph's."
        )
    if isinstance(error, Refused):
        return NEEDS_CONSENT
    return _of_service(error, "GRAPH_URL")


def files(error: Exception) -> str:
    """Say what helps where the files' host does not give a file."""
    if isinstance(error, FileRefused):
        return (
            "Whoever runs this: look at whether a proxy or firewall changes requests to "
            "*.blob.core.windows.net and whether this machine's clock is right; else report it to this project."
        )
    if isinstance(error, NoAnswer):
        return "Whoever runs this: see to it that this machine may reach *.blob.core.windows.net."
    return LATER


def _of_service(error: Exception, setting: str) -> str:
    if isinstance(error, NoAnswer | NotFound):
        return (
            f"Whoever runs this: look at {setting}, and at whether this machine may reach it (proxy, "
            "firewall, certificates)."
        )
    return REPORT if isinstance(error, Fatal) or not getattr(error, "status", 0) else LATER
