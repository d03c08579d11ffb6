#!/bin/sh
# tokenctl plan 8a32ca83c0bdf0ccc9d96d6ccfe6700d5d5323f246afdc9163be21cc7dbb2235 for https://influx.example
# Sends what `tokenctl apply` would send, one request after the other, and stops at the first that fails.
# It checks no guard and not whether a token has changed since. Needs curl 7.55 or later and INFLUX_TOKEN.
set -eu
: "${INFLUX_TOKEN:?set INFLUX_TOKEN to a token that may write authorizations}"

patch() {
  printf 'Authorization: Token %s\n' "$INFLUX_TOKEN" |
    curl --silent --show-error --fail --output /dev/null --request PATCH \
      --header @- --header 'Content-type: application/json' --data-raw "$2" "$1"
}

# activate backup-2024 "token 2" (mira in acme)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e002 '{"status": "active"}'

# describe ingest "token 1" (ci-bot in acme)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e001 '{"description": "Ingest EU"}'

# deactivate backup-2023 "token 3" (ci-bot in edge)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e003 '{"status": "inactive", "description": ""}'
