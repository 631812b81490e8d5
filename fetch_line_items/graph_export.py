"""Microsoft Graph's billing export as a source of lines: ask, look, bring the files.

Sources: Graph's articles *billedReconciliation: export*, *billedUsage: export*, *Get operation*.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from decimal import Decimal

from fetch_line_items.files import Brought, FilesInFlight
from fetch_line_items.no_data import CODE, step_without_data
from fetch_line_items.rows import RowReader
from fetch_line_items.source import Deliver, Step
from fetch_line_items.sums import Sums
from shared.api.exchange import RequestContext
from shared.api.export import Export, FailedExport, Manifest, RunningExport
from shared.api.files import Files
from shared.api.graph import Graph
from shared.errors import Fatal, FileRefused, StalePosition
from shared.keys import LineItemsKey
from shared.messages import FilePosition, GraphPosition
from shared.models import LINE_ITEM_TYPES
from shared.storage.blocks import MOST_BLOCKS

_GONE = (404, 410)
_MOST_LOOKS = 60
_MOST_AGAIN = 3
"""Times that it is asked for anew, or a file's host refuses, without that anything comes."""
_MOST_AS_SAID = 20
"""Looks as soon after each other as Graph says; then they grow apart as where it says nothing."""
_SHORTEST_WAIT, _FIRST_WAIT, _LONGEST_WAIT = 2.0, 10.0, 300.0
_COMMIT_SECONDS = 60.0
"""Of an invocation's time: a file that is not whole by then is left, and goes on inside."""


class GraphExport:
    """The rows of one key, file by file, all of one version of the data.

    `is_before_history` says whether the invoice is older than what exports have. Data with `known_etag`
    are not brought: they are stored. For a look, what has no data has none.
    """

    name = "graph"

    def __init__(
        self,
        graph: Graph,
        files: Files,
        key: LineItemsKey,
        *,
        settle_days: int,
        known_etag: str | None,
        is_look: bool,
        is_before_history: Callable[[], bool],
        context: RequestContext,
    ) -> None:
        self._graph, self._files = graph, files
        self._key = key
        self._settle_days = settle_days
        self._known_etag, self._is_look = known_etag, is_look
        self._is_before_history = is_before_history
        self._context = context
        self._until = context.deadline - _COMMIT_SECONDS
        kind = LINE_ITEM_TYPES[self.name, key.billing_provider, key.invoice_line_item_type]
        self._reader = RowReader(kind)

    def steps(
        self, position: GraphPosition | None, deliver: Deliver, has_time: Callable[[], bool]
    ) -> Generator[Step]:
        """Give a step when the export has been asked for, for each file, and where it is to be waited for.

        Raises StalePosition where the data are another version than what has come so far.
        """
        position, refused = position or GraphPosition(), None
        is_fresh = not position.has_begun and position.looks == 0
        while True:
            if position.operation is None:
                operation = self._graph.ask(self._key, context=self._context)
                position, is_fresh = replace(position, operation=operation, looks=0), True
                yield Step(position)  # so it stands in the message, whatever comes
            match self._look(position):
                case Manifest(sas=sas) if sas and sas == refused:
                    position = position.without_operation()  # as a time in vain it counts already
                case Manifest(etag=etag) if (
                    etag and etag == self._known_etag and not position.has_begun
                ):
                    yield Step(position, last=True, unchanged=True)
                    return
                case Manifest() as manifest:
                    position = self._at_version(position, manifest)
                    try:
                        for step in self._bring(position, manifest, deliver, has_time):
                            position, refused = step.position, None
                            yield step
                        return
                    except FileRefused as error:
                        # The SAS has come to its end, as a rule: another look may give a fresh one.
                        position = _again(position, error)
                        if refused is not None:  # it did, and that was not enough
                            position = position.without_operation()
                        refused = manifest.sas
                case RunningExport(status) if position.looks + 1 >= _MOST_LOOKS:
                    position = self._anew(position, f"is still {status} after {_MOST_LOOKS} looks")
                case RunningExport() as running:
                    yield _waiting(position, running)
                    return
                case FailedExport() as failed:
                    yield self._failed(position, failed)
                    return
                case Fatal(status=404) if is_fresh and position.looks == 0:
                    # Whoever takes requests may know it before whoever answers looks.
                    yield _waiting(position, RunningExport("not there yet", None))
                    return
                case Fatal() as gone:
                    position = self._anew(position, f"is gone ({gone})")

    # -- the operation

    def _look(self, position: GraphPosition) -> Export | Fatal:
        """Look at the export; give the error where it is gone."""
        try:
            return self._graph.look(position.operation or "", context=self._context)
        except Fatal as error:
            if error.status in _GONE:
                return error
            raise

    def _failed(self, position: GraphPosition, failed: FailedExport) -> Step:
        if failed.code != CODE:
            again = self._anew(position, f"has failed: {failed.message} (code {failed.code})")
            reason = f"Graph's export has failed (code {failed.code})"
            return Step(again, wait=_FIRST_WAIT * 2**position.again, reason=reason)
        if position.has_begun:
            raise StalePosition(f"Graph's export of {self._key} has no data any more")
        if self._is_look and not self._is_before_history():
            return Step(position, sums=Sums(Decimal(0)), last=True)
        return step_without_data(
            self._key,
            position,
            is_before_history=self._is_before_history(),
            settle_days=self._settle_days,
        )

    def _anew(self, position: GraphPosition, why: str) -> GraphPosition:
        """Have it asked for anew; raises Fatal where that has been done often enough."""
        error = Fatal(f"Microsoft Graph's export of {self._key} {why}")
        return _again(position, error).without_operation()

    # -- its files

    def _at_version(self, position: GraphPosition, manifest: Manifest) -> GraphPosition:
        if position.has_begun and position.version != manifest.version:
            raise StalePosition(f"Microsoft has published {self._key} anew while it was fetched")
        count = len(manifest.names)
        if position.file > count:
            raise StalePosition(f"Graph's export of {self._key} has {count} files")
        if count > MOST_BLOCKS:
            raise Fatal(
                f"Graph's export of {self._key} has {count} files, and a blob {MOST_BLOCKS} blocks"
            )
        return replace(position, version=manifest.version, etag=manifest.etag)

    def _bring(
        self,
        position: GraphPosition,
        manifest: Manifest,
        deliver: Deliver,
        has_time: Callable[[], bool],
    ) -> Generator[Step[GraphPosition]]:
        """Give a step for each file; those that have begun when the time is over are finished."""
        count = len(manifest.names)
        if position.file == count:
            yield Step(position, sums=Sums(Decimal(0)), last=True)
        with FilesInFlight(self._files, manifest, self._reader, deliver, self._context) as files:
            while position.file < count:
                files.begin(position.file, position.inside)
                for ahead in range(position.file + 1, count):
                    if not (has_time() and files.begin(ahead)):
                        break
                brought = files.bring(position.file, position.inside, until=self._until)
                position = _behind(position, brought)
                yield Step(
                    position,
                    end=brought.end,
                    blocks=brought.blocks,
                    pages=int(brought.is_whole),
                    lines=brought.lines,
                    sums=brought.sums,
                    content=brought.content,
                    last=position.file == count,
                )
                if not brought.is_whole or not (files.has_begun(position.file) or has_time()):
                    return


def _again(position: GraphPosition, error: Fatal) -> GraphPosition:
    if position.again >= _MOST_AGAIN:
        raise error
    return replace(position, again=position.again + 1)


def _waiting(position: GraphPosition, running: RunningExport) -> Step:
    # An export may take a quarter of an hour, which 60 looks of ten seconds or less don't last for.
    early = 0 if running.delay is None else _MOST_AS_SAID
    backoff = min(_FIRST_WAIT * 2 ** max(position.looks - early, 0), _LONGEST_WAIT)
    wait = max(running.delay or 0, backoff if position.looks >= early else _SHORTEST_WAIT)
    looks = position.looks + 1
    return Step(
        replace(position, looks=looks),
        wait=wait,
        reason=f"Graph's export is {running.status} (look {looks})",
    )


def _behind(position: GraphPosition, brought: Brought) -> GraphPosition:
    """Go on behind what has come; it counts as something, whatever was in vain before."""
    if brought.is_whole:
        return replace(position, again=0, file=position.file + 1, inside=FilePosition())
    return replace(position, again=0, inside=brought.reached)
