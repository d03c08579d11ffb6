"""What a permission says, and whether it covers another; follows authz.go of InfluxDB 2.7 to 2.9."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ACTIONS = frozenset({"read", "write"})
# As GET /api/v2/resources lists them; `instance` is left out, as it is for setting up only.
LISTED_TYPES = (
    *("authorizations", "buckets", "dashboards", "orgs", "sources", "tasks", "telegrafs", "users", "variables"),
    *("scrapers", "secrets", "labels", "views", "documents", "notificationRules", "notificationEndpoints", "checks"),
    *("dbrp", "notebooks", "annotations", "remotes", "replications"),
)
TYPES = frozenset({*LISTED_TYPES, "instance"})


@dataclass(frozen=True, slots=True)
class Permission:
    """An action on resources of a type: on all, on an organisation's, or on one by its id; "" is what is not given."""

    action: str
    type: str
    id: str = ""
    org_id: str = ""

    def __str__(self) -> str:
        org = f"orgs/{self.org_id}/" if self.org_id else ""
        one = f"/{self.id}" if self.id else ""
        return f"{self.action}:{org}{self.type}{one}"

    def covers(self, wanted: Permission) -> bool:
        """Whether who has this permission may do what `wanted` says.

        An id counts whatever the organisation, and `instance` whatever else is said.
        """
        if self.action != wanted.action or self.type not in (wanted.type, "instance"):
            return False
        if self.type == "instance":
            return True
        if self.id:
            return self.id == wanted.id
        return not self.org_id or self.org_id == wanted.org_id


def covered(wanted: Permission, held: Iterable[Permission]) -> bool:
    """Whether any of the held permissions covers the wanted one."""
    return any(permission.covers(wanted) for permission in held)
