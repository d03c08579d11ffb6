#!/bin/sh
# tokenctl plan c0b100f0f26ccd6ccefddcf0c57f8a017e0449ccf5b4a272a59b6f3a5e25ba75 for https://influx.example
# Sends what `tokenctl apply` would send, one request after the other, and stops at the first that fails.
# It checks no guard and not whether a token has changed since. Needs curl 7.55 or later and INFLUX_TOKEN.
set -eu
: "${INFLUX_TOKEN:?set INFLUX_TOKEN to a token that may write authorizations}"

patch() {
  printf 'Authorization: Token %s\n' "$INFLUX_TOKEN" |
    curl --silent --show-error --fail --output /dev/null --request PATCH \
      --header @- --header 'Content-type: application/json' --data-raw "$2" "$1"
}

# deactivate t1 "token 1" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e001 '{"status": "inactive"}'

# deactivate t2 "token 2" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e002 '{"status": "inactive"}'

# deactivate t3 "token 3" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e003 '{"status": "inactive"}'

# deactivate t4 "token 4" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e004 '{"status": "inactive"}'
