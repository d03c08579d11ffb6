"""A plan in, its requests out: as JSON Lines, and as a POSIX shell script that a person can read and run."""

from __future__ import annotations

from reconciler.core.plan import Change, Plan
from reconciler.documents.plan import before_document, operation_document
from reconciler.render.escape import json_text, shell, terminal
from reconciler.render.words import described, name_of, owner_of


def ops(plan: Plan) -> str:
    """A line for each request; `if` has the values that must still hold when it is sent."""
    lines = [json_text({**operation_document(change), "if": before_document(change.token)}) for change in plan.changes]
    return "".join(line + "\n" for line in lines)


# The secret goes to curl's standard input, never into its arguments, where every user of the machine could read it.
# The answers hold secrets on servers up to 2.8, so they are dropped. A redirect is not followed.
_PREAMBLE = """\
#!/bin/sh
# {title}
# Sends what `tokenctl apply` would send, one request after the other, and stops at the first that fails.
# It checks no guard and not whether a token has changed since. Needs curl 7.55 or later and INFLUX_TOKEN.
set -eu
: "${{INFLUX_TOKEN:?set INFLUX_TOKEN to a token that may write authorizations}}"

patch() {{
  printf 'Authorization: Token %s\\n' "$INFLUX_TOKEN" |
    curl --silent --show-error --fail --output /dev/null --request PATCH \\
      --header @- --header 'Content-type: application/json' --data-raw "$2" "$1"
}}
"""


def curl(plan: Plan) -> str:
    """The script; with no changes it only checks that INFLUX_TOKEN is set."""
    title = f"tokenctl plan {plan.digest} for {terminal(plan.server.url)}"
    return _PREAMBLE.format(title=title) + "".join(_step(plan, change) for change in plan.changes)


def _step(plan: Plan, change: Change) -> str:
    names = " ".join(filter(None, (name_of(change), described(change))))
    comment = f"# {change.action} {names} ({owner_of(change, across=plan.across)})"
    return f"\n{comment}\npatch {shell(plan.server.url + change.path)} {shell(json_text(change.body))}\n"
