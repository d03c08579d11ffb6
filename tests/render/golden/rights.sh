#!/bin/sh
# tokenctl plan 14ff6e5f2949c32e1297c3fb9a899ccb09586d847338c6569a240e490517b424 for https://influx.example
# Sends what `tokenctl apply` would send, one request after the other, and stops at the first that fails.
# It checks no guard and not whether a token has changed since. Needs curl 7.55 or later and INFLUX_TOKEN.
set -eu
: "${INFLUX_TOKEN:?set INFLUX_TOKEN to a token that may write authorizations}"

patch() {
  printf 'Authorization: Token %s\n' "$INFLUX_TOKEN" |
    curl --silent --show-error --fail --output /dev/null --request PATCH \
      --header @- --header 'Content-type: application/json' --data-raw "$2" "$1"
}

# describe operator "token 3" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e003 '{"description": "x"}'

# describe acme "token 4" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e004 '{"description": "x"}'

# describe not known "token 5" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e005 '{"description": "x"}'

# describe nothing "token 6" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e006 '{"description": "x"}'

# describe many "token 7" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e007 '{"description": "x"}'

# deactivate ingest "token 1" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e001 '{"status": "inactive"}'

# deactivate old "token 2" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e002 '{"status": "inactive"}'

# deactivate wide "token 8" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e008 '{"status": "inactive"}'
