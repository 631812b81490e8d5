"""A message that waits for long is under way: its invoice says until when, for the timer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from azure.core.exceptions import AzureError

from shared.errors import Overtaken
from shared.keys import LineItemsKey
from shared.log import get_logger
from shared.storage.archive import Archive
from shared.storage.metadata import now

_log = get_logger(__name__)
_SHORT_SECONDS = 60.0
_MOST_TRIES = 10


def note_wait(archive: Archive, key: LineItemsKey, seconds: float) -> None:
    """Note on the stored invoice until when the message for `key` waits, unless that is soon.

    Where that fails the message waits all the same: a run of the timer may then enqueue a second one,
    which does no harm.
    """
    if seconds <= _SHORT_SECONDS:
        return
    try:
        _note(archive, key, seconds)
    except AzureError as error:
        _log.warning("%s: that its message waits could not be noted: %s", key, error)


def _note(archive: Archive, key: LineItemsKey, seconds: float) -> None:
    until = now() + timedelta(seconds=seconds)
    for _ in range(_MOST_TRIES):
        about, etag = archive.invoice_metadata(key.invoice_id)
        if about is None or etag is None:
            return  # not this app's, or not listed: nothing would be enqueued
        noted = replace(about, waits={**about.waits, key.kind: until})
        with suppress(Overtaken):
            archive.set_invoice_metadata(key.invoice_id, noted, replacing=etag)
            return
