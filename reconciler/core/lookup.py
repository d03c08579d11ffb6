"""Live tokens in, those that a `match` selects out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from reconciler.core.manifest import Match, Pick
from reconciler.core.text import trimmed
from reconciler.core.token import Token


class Index:
    """Live tokens by what a match may name, so that many matches cost no more than many ids."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._tokens = sorted(tokens, key=lambda token: token.id)
        self._by: dict[str, dict[str, list[Token]]] = {}

    def _lookup(self, attribute: str, value: str) -> list[Token]:
        if attribute not in self._by:
            table: defaultdict[str, list[Token]] = defaultdict(list)
            for token in self._tokens:
                table[trimmed(token.org) if attribute == "org" else getattr(token, attribute)].append(token)
            self._by[attribute] = table
        return self._by[attribute].get(value, [])

    def picked(self, match: Match, declared_description: str | None) -> list[Token]:
        """The tokens that the match means, by ascending id; of `pick: only`, all that it could mean."""
        return self.matching(match, declared_description)[: 1 if match.pick is Pick.FIRST else None]

    def matching(self, match: Match, declared_description: str | None) -> list[Token]:
        """The tokens that the match selects, by ascending id."""
        candidates: list[list[Token]] = []
        if match.user is not None:
            candidates.append(self._lookup("user", match.user))
        if match.org is not None:
            name = trimmed(match.org)
            candidates.append(self._lookup("org", name) or self._lookup("org_id", name.lower()))
        if match.description is not None:
            # The declared description counts too: after the first apply it is the live one.
            # It is never empty: then every token without a description would be meant.
            texts = dict.fromkeys((match.description, declared_description or match.description))
            both = [token for text in texts for token in self._lookup("description", text)]
            candidates.append(sorted(both, key=lambda token: token.id))
        fewest, *rest = sorted(candidates, key=len)
        ids = [{token.id for token in each} for each in rest] if fewest else []
        return [token for token in fewest if all(token.id in each for each in ids)]
