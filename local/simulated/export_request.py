"""How Microsoft Graph reads what an export is asked for; what it can't read it refuses."""

from __future__ import annotations

import json

from local.simulated.graph_errors import bad_request, error


def invoice_id_of(text: str) -> str:
    """Read what is asked for; keys may be in any case."""
    try:
        body = {str(name).lower(): value for name, value in json.loads(text).items()}
    except (ValueError, AttributeError):
        raise bad_request("The body is not a JSON object.") from None
    id, attributes = body.get("invoiceid"), body.get("attributeset", "full")
    if not isinstance(id, str) or not id:
        raise bad_request("The invoiceId is required.")
    if str(attributes).lower() == "basic":
        raise error(501, "notImplemented", "The attribute set basic is not simulated.")
    if str(attributes).lower() != "full":
        raise bad_request("The attributeSet is not valid.")
    return id
