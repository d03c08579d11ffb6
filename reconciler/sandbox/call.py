"""One authenticated request within its transaction, and what every handler asks of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from reconciler.sandbox import go_json
from reconciler.sandbox.exchange import ApiError, Request
from reconciler.sandbox.go_json import GoError, Struct
from reconciler.sandbox.permissions import Permission, covered
from reconciler.sandbox.profiles import Profile
from reconciler.sandbox.seed import Authorization
from reconciler.sandbox.store import Store

_EPOCH_MS = 1_491_696_000_000  # 2017-04-09, where InfluxDB's snowflakes begin
_MACHINE = 1 << 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request, its caller and the state it is about; `between` runs between a PATCH's read and its write."""

    request: Request
    caller: Authorization
    query: Mapping[str, str]
    store: Store
    profile: Profile
    now: datetime
    between: Callable[[Store], None]

    def new_id(self, taken: Callable[[str], object]) -> str:
        """An id for what is made now: ids ascend with time. `taken` says whether there is one already."""
        now_ms = int(self.now.astimezone(UTC).timestamp() * 1000)
        made = ((now_ms - _EPOCH_MS) << 22) | _MACHINE
        while taken(f"{made:016x}"):
            made += 1
        return f"{made:016x}"

    def fields(self, wanted: Struct, code: str = "internal error", words: str = "") -> dict[str, Any]:
        """The fields of the body; raises ApiError with that code and these words before Go's own."""
        try:
            return go_json.decode(self.request.body, wanted)
        except GoError as error:
            raise ApiError(code, f"{words}{error}") from None

    def may(self, wanted: Permission) -> bool:
        """Whether the caller has that permission."""
        return self.caller.status == "active" and covered(wanted, self.caller.permissions)

    def demand(self, wanted: Permission) -> None:
        """Raise ApiError unless the caller has that permission."""
        if self.caller.status != "active":
            raise ApiError("unauthorized", "token is inactive")
        if not self.may(wanted):
            raise ApiError("unauthorized", f"{wanted} is unauthorized")


def read_id(text: str, *, required: bool = False) -> str:
    """The id in the text, "" for none; raises ApiError."""
    try:
        return go_json.read_id(text) if text or required else ""
    except GoError as error:
        raise ApiError("invalid", str(error)) from None


def missing(message: str) -> NoReturn:
    """Raise the ApiError for something that is not there."""
    raise ApiError("not found", message)
