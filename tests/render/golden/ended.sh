#!/bin/sh
# tokenctl plan 164aeec39656b6ba1d2760418dd31002cbccbdd7f10604dc6894a38cc8056104 for https://influx.example
# Sends what `tokenctl apply` would send, one request after the other, and stops at the first that fails.
# It checks no guard and not whether a token has changed since. Needs curl 7.55 or later and INFLUX_TOKEN.
set -eu
: "${INFLUX_TOKEN:?set INFLUX_TOKEN to a token that may write authorizations}"

patch() {
  printf 'Authorization: Token %s\n' "$INFLUX_TOKEN" |
    curl --silent --show-error --fail --output /dev/null --request PATCH \
      --header @- --header 'Content-type: application/json' --data-raw "$2" "$1"
}

# deactivate backup-2023 "token 1" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e001 '{"status": "inactive", "description": "kept"}'
