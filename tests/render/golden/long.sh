#!/bin/sh
# tokenctl plan 1db98f00e2f3b2843f69c827296fef42369730faec59ded36b1328e9f77add5c for https://influx.example
# Sends what `tokenctl apply` would send, one request after the other, and stops at the first that fails.
# It checks no guard and not whether a token has changed since. Needs curl 7.55 or later and INFLUX_TOKEN.
set -eu
: "${INFLUX_TOKEN:?set INFLUX_TOKEN to a token that may write authorizations}"

patch() {
  printf 'Authorization: Token %s\n' "$INFLUX_TOKEN" |
    curl --silent --show-error --fail --output /dev/null --request PATCH \
      --header @- --header 'Content-type: application/json' --data-raw "$2" "$1"
}

# describe nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn "token 1" (uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e001 '{"description": "a description that is much longer than what fits into a line of eighty columns"}'

# describe "a description that is much longer than what fits into a line of eighty columns" (ci-bot)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e002 '{"description": "short"}'

# describe "日本語の長い説明日本語の長い説明日本語の長い説明" (日本語日本語日本語日本語日本語)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e003 '{"description": ""}'
