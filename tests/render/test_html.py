"""The page, as an independent parser reads it: our own tags and attributes, foreign text as text, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from hypothesis import given

from reconciler.core.manifest import Severity
from reconciler.core.plan import Plan
from reconciler.render import html
from reconciler.render.escape import terminal
from reconciler.render.words import gravest_first
from tests.builders import EDGE, declared, planned, token
from tests.render.dataset import PLANS, hostile_plans

ALONE = {"meta", "br", "wbr", "input"}
TAGS = ALONE | {
    "html", "head", "title", "style", "body", "header", "p", "h1", "h2", "dl", "div", "dt", "dd", "code", "main",
    "section", "ul", "li", "strong", "fieldset", "legend", "label", "b", "table", "caption", "thead", "tbody", "tr",
    "th", "td", "button", "span", "del", "ins", "mark", "footer", "script", "details", "summary",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "hidden", "type", "value", "checked", "id",
    "autocomplete", "spellcheck", "role", "scope", "disabled", "data-action", "data-label",
}  # fmt: skip


@dataclass
class Page(HTMLParser):
    """What a page is made of: tags that are balanced, their attributes, and text by the innermost tag around it."""

    opened: list[str] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def __hash__(self) -> int:
        return id(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Only tags and attributes of ours."""
        assert tag in TAGS, tag
        assert {name for name, _ in attrs} <= ATTRIBUTES, attrs
        assert len(attrs) == len(dict(attrs))
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in ALONE:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """What ends is what was opened last."""
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text, wherever it stands."""
        self.texts.append((self.opened[-1] if self.opened else "", data))

    def handle_comment(self, data: str) -> None:
        """There is none."""
        raise AssertionError(data)

    def handle_pi(self, data: str) -> None:
        """There is none."""
        raise AssertionError(data)


def parsed(plan: Plan) -> Page:
    """The page of a plan, whole and balanced."""
    page = Page()
    page.feed(html.plan(plan))
    page.close()
    assert page.opened == []
    assert len(page.ids) == len(set(page.ids))
    return page


def within(page: Page, *tags: str) -> list[str]:
    """The texts that stand in one of these tags."""
    return [text for tag, text in page.texts if tag in tags]


@given(hostile_plans())
def test_foreign_text_is_text_and_nothing_else(plan: Plan) -> None:
    page = parsed(plan)
    assert len(within(page, "style")) == len(within(page, "script")) == 1
    command = "undo" if plan.undoes else "plan"
    assert within(page, "title") == [f"tokenctl {command}: refused ({', '.join(counts(plan)) or 'no changes'})"]
    everything = "".join(text for _, text in page.texts)
    for change in plan.changes:
        assert terminal(change.token.user) in everything
        assert terminal(change.name or "") in everything
    for problem in (*plan.warnings, *(each.problem for each in plan.refusals)):
        for text in (problem.message, problem.hint):  # what stands between backticks is code there
            assert terminal(text).replace("`", "") in everything.replace("`", "")


def counts(plan: Plan) -> list[str]:
    """What a headline counts."""
    actions = [change.action for change in gravest_first(plan.changes)]
    return [f"{actions.count(action)} to {action}" for action in dict.fromkeys(actions)]


def test_the_policy_allows_exactly_the_pages_own_style_and_script() -> None:
    drawn = html.plan(PLANS["hostile"])
    page = parsed(PLANS["hostile"])

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    (style,), (script,) = within(page, "style"), within(page, "script")
    assert re.findall(r'Content-Security-Policy" content="([^"]*)"', drawn) == [
        f"default-src 'none'; style-src 'sha256-{digest(style)}'; script-src 'sha256-{digest(script)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    ]
    assert "url(" not in style
    assert "@import" not in style
    for risk in ("innerHTML", "eval", "fetch", "http", "import", "cookie", "localStorage", "document.write"):
        assert risk not in script


def test_the_digest_is_there_before_and_after_what_foreign_text_could_look_like() -> None:
    for plan in PLANS.values():
        found = within(parsed(plan), "code")
        assert found.count(plan.digest) == (2 if plan.changes else 1)
        assert ("--expect" in found) == (bool(plan.changes) and not plan.refusals)


@pytest.mark.parametrize(
    ("before", "after", "marked"),
    [
        ("Ingest EU", "Ingest US", ["EU", "US"]),
        ("lab bench", "lab  bench", [" "]),
        ("aXb", "ab", ["X"]),
        ("aaa", "aaaa", ["a"]),
        ("old", "new", []),
        ("x", "", []),
        ('say "a"', 'say "b"', ["a", "b"]),
    ],
)
def test_what_differs_within_a_description_is_marked(before: str, after: str, marked: list[str]) -> None:
    plan = planned([declared(1, description=after)], [token(1, description=before)])
    page = parsed(plan)
    assert within(page, "mark") == marked
    joined = "".join(text for tag, text in page.texts if tag in ("del", "ins", "mark"))
    quoted = [text.replace('"', '\\"') for text in (before, after)]
    assert joined == f'"{quoted[0]}""{quoted[1]}"'


def test_own_and_protected_tokens_are_marked_as_such() -> None:
    drawn = html.plan(PLANS["refused"])
    assert drawn.count("protected</span>") == drawn.count("this run’s own token</span>") == 1


def test_each_token_that_a_problem_is_about_is_there() -> None:
    world = [token(number, description=f"d{number}", user="mira", org_id=EDGE) for number in range(1, 9)]
    shown = "".join(each for each in within(parsed(planned([], world, unmanaged=Severity.WARN)), "li"))
    for number in range(1, 9):
        assert f'"d{number}" of mira in edge, active' in shown
