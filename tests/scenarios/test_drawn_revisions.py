"""One dataset of changes of the files for every formatter that draws them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jsonschema
import pytest

from reconciler.core.baseline import Baseline, revise
from reconciler.core.manifest import Asserted, Limits, Match, Pick, Severity
from reconciler.documents.plan import REVISION, plain
from reconciler.errors import Place, Problem
from reconciler.render import escape, markdown, reports, text
from reconciler.render import json as json_format
from reconciler.render.findings import revision_findings
from reconciler.render.formats import OFFLINE, render_revised
from reconciler.schema import load_schema
from tests.builders import ACTIVE, INACTIVE, Line, declared, manifest
from tests.log_commands import commands
from tests.render.test_markdown import check, rows
from tests.strategies import HOSTILE

GOLDEN = Path(__file__).parents[1] / "render" / "golden"
FORMATS: dict[str, Callable[[Baseline], str]] = {
    suffix: partial(render_revised, form=form, colour=False)
    for suffix, form in zip(("txt", "json", "md", "commands"), OFFLINE, strict=True)
}
COMMIT = "1a2b3c4d" * 5


def changes() -> dict[str, Baseline]:
    """The dataset, by name."""
    there = Line(3, "origin/main:tokens.yaml")
    before = manifest(
        declared(1, name="ingest", description="Ingest EU", status=ACTIVE, protected=True),
        declared(2, name="backup-2023", status=INACTIVE, protected=True, origin=there),
        declared(3, name="grafana", description="dash"),
        declared(4, name="laptop"),
        declared(5, description="elsewhere", origin=Line(9, "origin/main:more.yaml")),
        declared(Match(user="user2"), status=ACTIVE, origin=there),
        unmanaged=Severity.FAIL,
    )
    after = manifest(
        declared(
            1, name="ingest", description="Ingest Europe, and everything else that comes from there", status=INACTIVE
        ),
        declared(9, name="grafana", description="dash"),
        declared(4, name="phone"),
        declared(5, description="elsewhere"),
        declared(7, name="new", description="", status=ACTIVE, labels={"team": "web"}),
        declared(Match(user="mira", org="acme", pick=Pick.ALL), status=INACTIVE),
        limits=Limits(max_deactivations=50),
        server=Asserted(org="acme"),
        places={"guards.max_deactivations": Place("tokens.yaml", 3, 3), "server.org": Place("tokens.yaml", 2, 3)},
    )
    hostile = [
        declared(number, description=each, labels={"x": each}, origin=Line(number, f"{each}.yaml"))
        for number, each in enumerate(HOSTILE, 1)
    ]
    selected = [declared(Match(user=each, description=each), origin=Line(1, f"{each}.yaml")) for each in HOSTILE]
    reworded = [each._replace(description=f"{each.description}!") for each in hostile[:8]]
    plain = Baseline(ref="origin/main", commit=COMMIT, revisions=())
    warned = Problem(
        "the files of origin/main are refused: unknown key", "mend them", Place("origin/main:a.yaml", 1, 2)
    )
    return {
        "nothing": plain,
        "every-kind": plain._replace(revisions=revise(before, after, "origin/main")),
        "refused-base": plain._replace(revisions=revise(manifest(), after, "origin/main"), warnings=(warned,)),
        "hostile": plain._replace(ref="##[error]x",
            revisions=revise(manifest(*hostile), manifest(*reworded, *selected, server=Asserted(org=HOSTILE[0])), "x"),
            warnings=(warned._replace(message=HOSTILE[2], place=Place(HOSTILE[6], 1, 1)),),
        ),
    }  # fmt: skip


CHANGES = changes()


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_drawn_as_its_golden_file(name: str, suffix: str, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / f"revisions-{name}.{suffix}", FORMATS[suffix](CHANGES[name]))


def test_colour_only_adds_escapes(golden: Callable[[Path, str], None]) -> None:
    coloured = text.revised(CHANGES["every-kind"], colour=True)
    golden(GOLDEN / "revisions-every-kind.ansi.txt", coloured)
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == text.revised(CHANGES["every-kind"])


@pytest.mark.parametrize("name", ["nothing", "every-kind", "refused-base"])
def test_text_fits_eighty_columns(name: str) -> None:
    lines = text.revised(CHANGES[name]).splitlines()
    assert [each for each in lines if escape.width(each) > 80 and not each.startswith(("Warning", "Files"))] == []


@pytest.mark.parametrize("name", CHANGES)
def test_json_is_what_its_schema_describes(name: str) -> None:
    jsonschema.validate(json.loads(json_format.revised(CHANGES[name])), load_schema("revisions"))


@pytest.mark.parametrize("name", CHANGES)
def test_a_revision_is_read_back_as_it_was_written(name: str) -> None:
    for each in CHANGES[name].revisions:
        assert REVISION(plain(each)) == each


@pytest.mark.parametrize("name", CHANGES)
def test_only_our_own_words_stand_outside_of_code_in_markdown(name: str) -> None:
    check(markdown.revised(CHANGES[name]), columns=4)


@pytest.mark.parametrize("longest", [6_000, 65_536])
def test_markdown_is_short_and_counts_what_it_leaves_out(longest: int) -> None:
    many = [declared(number, description="é" * 500) for number in range(1, 400)]
    revised = CHANGES["nothing"]._replace(revisions=revise(manifest(), manifest(*many), "main"))
    drawn = markdown.revised(revised, longest)
    check(drawn, columns=4)
    assert len(drawn.encode()) < longest
    shown = sum(row[0] == "added" for row in rows(drawn))
    assert f"**And {399 - shown} more changes**" in drawn


@pytest.mark.parametrize("name", CHANGES)
def test_the_runner_reads_a_command_for_each_revision_and_nothing_else(name: str) -> None:
    found = revision_findings(CHANGES[name])
    read = list(commands(reports.revised(CHANGES[name])))
    assert len(found) == len(CHANGES[name].revisions) + len(CHANGES[name].warnings)
    assert [each.properties.get("line") for each in read[:9]] == [
        str(each.place.line) if each.place else None for each in found[:9]
    ]
    assert [each.name for each in read] == sorted(each.name for each in read)[::-1]
    assert list(commands(text.revised(CHANGES[name]))) == []


@pytest.mark.parametrize("suffix", sorted(FORMATS.keys() - {"commands"}))
def test_foreign_text_does_nothing(suffix: str) -> None:
    drawn = FORMATS[suffix](CHANGES["hostile"])
    for each in drawn.split("\n"):
        assert escape.terminal(each) == each
        assert not each.lstrip().startswith("::")
