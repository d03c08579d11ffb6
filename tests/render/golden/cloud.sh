#!/bin/sh
# tokenctl plan 59dca94f4bcab0652fa1a22325cfb683a8d5a6b22e722c2e7b14c932bc91d025 for https://cloud.example
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
patch https://cloud.example/api/v2/authorizations/0d3a5f0c1be4e002 '{"status": "active"}'

# describe ingest "token 1" (ci-bot in acme)
patch https://cloud.example/api/v2/authorizations/0d3a5f0c1be4e001 '{"description": "Ingest EU"}'

# deactivate backup-2023 "token 3" (ci-bot in edge)
patch https://cloud.example/api/v2/authorizations/0d3a5f0c1be4e003 '{"status": "inactive", "description": ""}'
