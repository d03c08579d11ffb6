"""What a doctor makes of rare findings; the usual ones are in the golden files of `doctor`."""

from __future__ import annotations

from reconciler.core.checkup import Check, State, exit_code, user, writing
from reconciler.core.live import RIGHTS, UserId
from reconciler.errors import ExitCode
from tests.builders import ACME, EDGE, manager, managing, token


def test_a_server_may_keep_to_itself_whose_credentials_these_are() -> None:
    assert user(None, [token(1)]) == Check(
        name="user", state=State.NOTE, message="the server does not say whose credentials these are"
    )


def test_a_token_whose_rights_are_narrow_is_not_promised_anything() -> None:
    for own, listed in ((token(1), token(1)), (manager(1, ACME), token(2, org_id=EDGE))):
        check = writing(own, [listed])
        assert (check.state, check.hint) == (State.NOTE, RIGHTS)
        assert check.message == (
            "your token's rights do not say that it may change every token of an organisation; only a change would prove it"
        )


def test_what_a_token_may_change_is_told_as_exactly_as_its_rights_are() -> None:
    mira = UserId("d" * 16)
    own = token(1, rights=managing(ACME, users=[UserId("c" * 16)]), is_own=True)  # as an all-access token has it
    mine, hers, far = token(2), token(3, user_id=mira), token(4, org_id=EDGE)
    assert writing(own, [own, mine, far]).message.startswith("your token's rights say so, in organisation `acme`; ")
    assert writing(own, [own, mine, hers]).message == (
        "your token's rights do not say that it may change every token of an organisation, only 2 of 3 tokens; only a change "
        "would prove it"
    )
    assert writing(manager(1), [hers]).message.startswith("your token's rights say so, in every organisation; ")


def test_the_gravest_failure_decides_and_none_is_passed_over() -> None:
    def check(state: State, code: ExitCode) -> Check:
        return Check(name="x", state=state, message="", code=code)

    failures = [check(State.FAIL, code) for code in (ExitCode.USAGE, ExitCode.UNREACHABLE, ExitCode.AUTH)]
    assert exit_code([*failures, check(State.NOTE, ExitCode.REFUSED)]) is ExitCode.AUTH
    assert exit_code([]) is exit_code([check(State.NOTE, ExitCode.REFUSED)]) is ExitCode.OK
    for code in set(ExitCode) - {ExitCode.OK}:
        assert exit_code([check(State.FAIL, code)]) is code
    assert exit_code([Check(name="x", state=State.FAIL, message="")]) is ExitCode.ERROR
