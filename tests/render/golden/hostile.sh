#!/bin/sh
# tokenctl plan 582866e0b3667e0a32604fb46930bb5a6eeeb9d735903c254ed127fe17b9e04c for https://influx.example
# Sends what `tokenctl apply` would send, one request after the other, and stops at the first that fails.
# It checks no guard and not whether a token has changed since. Needs curl 7.55 or later and INFLUX_TOKEN.
set -eu
: "${INFLUX_TOKEN:?set INFLUX_TOKEN to a token that may write authorizations}"

patch() {
  printf 'Authorization: Token %s\n' "$INFLUX_TOKEN" |
    curl --silent --show-error --fail --output /dev/null --request PATCH \
      --header @- --header 'Content-type: application/json' --data-raw "$2" "$1"
}

# describe "\x1b[31mred\x1b[0m!" (\x1b[31mred\x1b[0m)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e001 '{"description": "\u001b[31mred\u001b[0m"}'

# describe "\x9b1m!" (\x9b1m)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e002 '{"description": "\u009b1m"}'

# describe "\x1b]8;;https://evil.example\x07ok\x1b]8;;\x07!" (\x1b]8;;https://evil.example\x07ok\x1b]8;;\x07)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e003 '{"description": "\u001b]8;;https://evil.example\u0007ok\u001b]8;;\u0007"}'

# describe "\x1b]52;c;QQ==\x07!" (\x1b]52;c;QQ==\x07)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e004 '{"description": "\u001b]52;c;QQ==\u0007"}'

# describe "a\rb!" (a\rb)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e005 '{"description": "a\rb"}'

# describe "a\x08b\x7f!" (a\x08b\x7f)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e006 '{"description": "a\bb\u007f"}'

# describe "#\#[error]x!" (#\#[error]x)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e007 '{"description": "#\u0023[error]x"}'

# describe "#\#vso[task.complete]!" (#\#vso[task.complete])
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e008 '{"description": "#\u0023vso[task.complete]"}'

# describe "#\#teamcity[x]!" (#\#teamcity[x])
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e009 '{"description": "#\u0023teamcity[x]"}'

# describe "::error::x!" (::error::x)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e00a '{"description": "::error::x"}'

# describe " ::stop-commands::x!" ( ::stop-commands::x)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e00b '{"description": " ::stop-commands::x"}'

# describe "\u2003::warning::x!" (\u2003::warning::x)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e00c '{"description": "\u2003::warning::x"}'

# describe "a\n::set-output name=x::y!" (a\n::set-output name=x::y)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e00d '{"description": "a\n::set-output name=x::y"}'

# describe "\u202eabc\u2066!" (\u202eabc\u2066)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e00e '{"description": "\u202eabc\u2066"}'

# describe "zero\u200bwidth!" (zero\u200bwidth)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e00f '{"description": "zero\u200bwidth"}'

# describe "tag\U000e0041!" (tag\U000e0041)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e010 '{"description": "tag\udb40\udc41"}'

# describe "half\ud800!" (half\ud800)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e011 '{"description": "half\ud800"}'

# describe "line\u2028sep\x85end!" (line\u2028sep\x85end)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e012 '{"description": "line\u2028sep\u0085end"}'

# describe "`tick` | pipe <b>&amp;!" (`tick` | pipe <b>&amp;)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e013 '{"description": "`tick` | pipe <b>&amp;"}'

# describe "[/red] [link=http://x]y[/link]!" ([/red] [link=http://x]y[/link])
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e014 '{"description": "[/red] [link=http://x]y[/link]"}'

# describe "'; rm -rf / #!" ('; rm -rf / #)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e015 '{"description": "'"'"'; rm -rf / #"}'

# describe "$(touch x) `touch y` \"!" ($(touch x) `touch y` ")
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e016 '{"description": "$(touch x) `touch y` \""}'

# describe "\\!" (\)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e017 '{"description": "\\"}'

# describe "日本語🚰!" (日本語🚰)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e018 '{"description": "\u65e5\u672c\u8a9e\ud83d\udeb0"}'

# describe "<script>…</script>!" (<script>…</script>)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e019 '{"description": "<script>…</script>"}'

# describe "\"><img src=x onerror=alert(1)>!" ("><img src=x onerror=alert(1)>)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e01a '{"description": "\"><img src=x onerror=alert(1)>"}'

# describe "</details></table> <!-- -->!" (</details></table> <!-- -->)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e01b '{"description": "</details></table> <!-- -->"}'

# describe "![x](https://evil.example/x.png) [y](javascript:alert(1))!" (![x](https://evil.example/x.png) [y](javascript:alert(1)))
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e01c '{"description": "![x](https://evil.example/x.png) [y](javascript:alert(1))"}'

# describe "@octocat #1 https://evil.example www.evil.example!" (@octocat #1 https://evil.example www.evil.example)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e01d '{"description": "@octocat #1 https://evil.example www.evil.example"}'

# describe "a | b \\| c!" (a | b \| c)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e01e '{"description": "a | b \\| c"}'

# describe "%0A::error::x%25!" (%0A::error::x%25)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e01f '{"description": "%0A::error::x%25"}'

# describe "``` ]]> {0} &lt;!" (``` ]]> {0} &lt;)
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e020 '{"description": "``` ]]> {0} &lt;"}'

# describe "!" ()
patch https://influx.example/api/v2/authorizations/0d3a5f0c1be4e021 '{"description": ""}'
