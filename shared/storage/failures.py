"""What the storage SDK's errors mean."""

from __future__ import annotations

from azure.core.exceptions import HttpResponseError

from shared.errors import may_pass


def error_code(error: Exception) -> str | None:
    """Give the service's own code, such as `BlobArchived`: the kind of the error does not tell."""
    code = getattr(error, "error_code", None)  # set by the storage SDK, unknown to the type
    return None if code is None else str(code.value if hasattr(code, "value") else code)


def may_pass_later(error: Exception) -> bool:
    """Whether storage may well do later what it did not do now: it has not answered, or failed."""
    if isinstance(error, HttpResponseError):
        return error.status_code is None or may_pass(error.status_code)
    return True
