"""The commands in a real repository, with a base to compare with and a server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.commands import apply, plan
from reconciler.render.formats import PlanFormat
from reconciler.session.sending import SendingOptions
from reconciler.session.sources import Sources
from reconciler.settings import Flags
from tests.checkout import Checkout
from tests.shell import Done, Shell


@dataclass
class Branch:
    """A shell in a repository whose branch `main` is the base."""

    shell: Shell
    checkout: Checkout

    def base(self, *tokens: str, head: str = "", name: str = "tokens.yaml") -> None:
        """Commit a manifest to the base."""
        self.shell.declare(*tokens, head=head, name=name)
        self.checkout.commit()

    def sources(self, files: Sequence[str], request: dict[str, Any]) -> Sources:
        """What to plan: by itself `tokens.yaml`, compared with `main`."""
        paths = [str(self.shell.folder / each) for each in files or ("tokens.yaml",)]
        named = {name: request.pop(name) for name in ("select", "allow") if name in request}
        return Sources(files=paths, base=request.pop("base", "main"), **named)

    def plan(self, *files: str, **request: Any) -> Done:
        """Run `plan`."""
        made = plan.PlanRequest(sources=self.sources(files, request), **{"flags": Flags(), **request})
        return self.shell.call(lambda context: plan.run(made, context))

    def document(self, *files: str, **request: Any) -> dict[str, Any]:
        """The plan as `plan` prints it in JSON."""
        document: dict[str, Any] = json.loads(self.plan(*files, form=PlanFormat.JSON, **request).out)
        return document

    def apply(self, *files: str, **request: Any) -> Done:
        """Run `apply --yes`."""
        options = SendingOptions(yes=True, expect=request.pop("expect", ""))
        sources = self.sources(files, request)
        return self.shell.call(lambda context: apply.run(sources, Flags(), options, context))

    def offline(self, *files: str, **request: Any) -> Done:
        """Run `plan --offline`."""
        return self.plan(*files, offline=True, detailed_exitcode=True, **request)
