"""Import contract: a room is entered only through its front door."""

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class FrontDoors(Contract):
    """Fails when a module outside a room imports past the room's package or `api`."""

    rooms = fields.ListField(subfield=fields.StringField())
    keyholders = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - the linter's call
        """Collect (importer, line, module, room) for every import past a front door."""
        trespasses = []
        for room in self.rooms:  # type: ignore[attr-defined]
            inside = {room} | graph.find_descendants(room)
            for module in sorted(inside - {room, f"{room}.api"}):
                strangers = graph.find_modules_that_directly_import(module) - inside
                for importer in sorted(strangers):
                    if not self._holds_key(importer):
                        details = graph.get_import_details(importer=importer, imported=module)
                        trespasses += [(importer, detail["line_number"], module, room) for detail in details]
        return ContractCheck(kept=not trespasses, metadata={"trespasses": trespasses})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name the line and the door that it should have used."""
        for importer, line, module, room in check.metadata["trespasses"]:
            output.print_error(
                f"{importer}:{line} imports {module}; import it from {room} instead", bold=False
            )

    def _holds_key(self, importer: str) -> bool:
        holders: Any = self.keyholders or ()  # type: ignore[truthy-bool]
        return any(importer == holder or importer.startswith(f"{holder}.") for holder in holders)
