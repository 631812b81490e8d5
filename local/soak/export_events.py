"""What happens to exports in a soak, beside what happens to everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from local.simulated import Invoice
from local.soak.events import Event, Events, changed, soon
from local.soak.single_faults import EXPORT
from local.soak.world import is_exported

_MANIFEST_IN: tuple[Literal["inline", "navigation_link", "string"], ...] = (
    "inline",
    "navigation_link",
    "string",
)
_RETRY_AFTER: tuple[Literal["seconds", "date"], ...] = ("seconds", "date")


class ExportEvents(Events):
    """Lets something happen to exports as well."""

    def kinds(self, *, is_long: bool) -> dict[str, Event]:
        """Name the events."""
        return super().kinds(is_long=is_long) | {
            "export changed while it is fetched": self._change_an_export,
            "export published late": self._publish_late,
            "exports of another form": self._export_otherwise,
            "signatures expired": self._expire_signatures,
        }

    def _exported(self) -> list[Invoice]:
        return [each for each in self._stack.partner_center.invoices.values() if is_exported(each)]

    def _change_an_export(self) -> int:
        """Publish new data while the old are fetched, whose files may be gone at once."""
        self._stack.graph.options.old_versions = self.chance.random() < 0.5
        first, *others = self.chance.sample(exported := self._exported(), len(exported))
        for other in others:  # so that there is something to fetch beside it
            self._stack.partner_center.put(changed(other))
        return len(others) + self.change_in_flight([first.id])

    def _publish_late(self) -> int:
        """Change an invoice of which there are no data for a while, and have that noticed."""
        invoice, graph = self.chance.choice(self._exported()), self._stack.graph
        late = {(invoice.id, detail.type) for detail in invoice.details or ()}
        graph.options.unpublished |= late
        before = len(graph.requests.matching(EXPORT))
        self._stack.partner_center.put(changed(invoice))
        self.list_invoices()
        noticed = soon(3, lambda: len(graph.requests.matching(EXPORT)) > before)
        self.pause(0.3, 3)
        graph.options.unpublished -= late
        return int(noticed)

    def _export_otherwise(self) -> int:
        """Let exports be made, and files be written, in another of the ways that may be."""
        graph, chance = self._stack.graph, self.chance
        graph.options = replace(
            graph.options,
            looks_until_ready=chance.choice((0, 0, 1, 3)),
            retry_after_form=chance.choice(_RETRY_AFTER),
            says_completed=chance.random() < 0.3,
            unknown_status=chance.choice((None, "processing")),
            content_type_on_202=chance.random() < 0.5,
            manifest_in=chance.choice(_MANIFEST_IN),
            fresh_sas_on_look=chance.random() < 0.5,
            files=chance.choice((3, 3, 5)),
            # Never unzipped ones: of those nothing tells that they are cut off.
            members=chance.choice((1, 1, 5)),
            final_newline=chance.random() < 0.7,
            blank_lines=chance.random() < 0.3,
            byte_order_mark=chance.random() < 0.3,
            carriage_returns=chance.random() < 0.3,
            content_encoding=chance.random() < 0.3,
        )
        return 1

    def _expire_signatures(self) -> int:
        self._stack.graph.files.expire_all()
        return 1
