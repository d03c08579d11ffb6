"""A plan in, a POSIX shell script out that a person can read and run: the same requests with curl."""

from __future__ import annotations

from reconciler.core.plan import Change, Plan
from reconciler.render.escape import json_text, shell, terminal
from reconciler.render.words import described, name_of, owner_of

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


def plan(plan: Plan) -> str:
    """The script; with no changes it only checks that INFLUX_TOKEN is set."""
    title = f"tokenctl plan {plan.digest} for {terminal(plan.server.url)}"
    return _PREAMBLE.format(title=title) + "".join(_step(plan, change) for change in plan.changes)


def _step(plan: Plan, change: Change) -> str:
    names = " ".join(filter(None, (name_of(change), described(change))))
    comment = f"# {change.action} {names} ({owner_of(change, across=plan.across)})"
    return f"\n{comment}\npatch {shell(plan.server.url + change.path)} {shell(json_text(change.body))}\n"
