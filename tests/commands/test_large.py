

def test_rights_that_are_not_known_may_be_those_of_the_caller(tmp_path: Path) -> None:
    seed = world({}, INGEST)
    with shell_on(tmp_path, seed=seed, hashed=True) as shell:
        shell.declare(f'id: "{INGEST}", status: inactive')
        done = cli(shell, "plan {dir}/tokens.yaml")
        assert (done.code, "`self`" in done.out) == (ExitCode.REFUSED, True), done.out


@pytest.mark.parametrize("key", ["orgID", "userID", "status", "updatedAt"])
def test_a_token_that_cannot_be_read_is_left_out_alone(shell: Shell, key: str) -> None:
    def lie(exchange: Exchange) -> list[bytes] | None:
        if exchange.path != "/api/v2/authorizations":
            return None
        body = json.loads(exchange.body)
        for each in body["authorizations"]:
            if each["id"] == INGEST:
                each[key] = "1" * 2_000_000
        return [answer(200, json.dumps(body))]

    with liar(shell.sandbox.url, lie) as server:
        shell.environment["INFLUX_HOST"] = server.url
        shell.declare(f'id: "{GRAFANA}", description: x')
        words = f"left out, as it cannot be read: {INGEST} (its `{key}` has 2,000,000 characters)"
        for line in ("plan {dir}/tokens.yaml", "list", "doctor"):
            done = cli(shell, line)
            assert (done.code, words in done.out + done.err) == (0, True), done.err
        shell.declare(f'id: "{GRAFANA}", description: x', f'id: "{INGEST}", status: inactive')
        done = cli(shell, "plan {dir}/tokens.yaml")
        assert done.code == ExitCode.INVALID
        assert f"token {INGEST} cannot be read: its `{key}` has 2,000,000 characters" in done.err
