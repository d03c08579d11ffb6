"""Who may manage which tokens before and after a plan, what is left with too few, and what must be asked first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from reconciler.core.live import EVERY_ORG, EVERY_USER, Live, OrgId, Owner, Rights, Status, Token, TokenId, UserId
from reconciler.core.plan import Plan
from reconciler.core.text import name_some, quoted

_SEE = "use credentials that may read every organisation and every user"


class Shortage(NamedTuple):
    """Tokens that would have too few managers, in words with a hint, and the managers that are lost to them."""

    words: str
    hint: str
    lost: tuple[TokenId, ...]


class _Target(NamedTuple):
    """What `need` tokens have to manage: an owner's tokens in an organisation, one token, or what nobody here can see.

    `managers` are those that manage it before or after the changes. `token` is that one token, `unseen` the manager of
    what cannot be seen.
    """

    need: int
    managers: Sequence[Token]
    org_id: OrgId = EVERY_ORG
    user_id: UserId = EVERY_USER
    token: Token | None = None
    unseen: Token | None = None


class Managers:
    """The managers of tokens before and after a plan's changes, held against `plan.min_managers`.

    A token manages what its rights say while it and its own owner are active. One whose rights are not known counts as
    managing nothing if it stays active, and everything if it is switched off. Nothing is computed when the changes
    switch off no manager, or when `min_managers` is 0.
    """

    def __init__(self, plan: Plan, live: Live) -> None:
        self._live = live
        self._everyone = live.everyone
        self._least = plan.min_managers
        self._after = {change.token.id: change.status for change in plan.changes if change.status is not None}
        switched = (self._everyone[each] for each in sorted(self._after.keys() & self._everyone.keys()))
        self._lost = [each for each in switched if self._least and self._is_lost(each) and each.rights.manages_any]
        self._unknown = [each for each in self._lost if each.rights.unknown]
        self._managers = self._found() if self._lost else []
        self._by_user: defaultdict[UserId, list[Token]] = defaultdict(list)
        for each in self._managers:
            for user_id in each.rights.users:
                self._by_user[user_id].append(each)
        self._targets = [*self._pairs(), *self._singles(), *self._beyond()] if self._lost else []

    def unknown_owners(self) -> list[UserId]:
        """Return the owners of whom must be known next whether they are active, sorted: as few as may be enough."""
        wanted: set[UserId] = set()
        for target in self._targets:
            staying = [each for each in target.managers if self._stays(each)]
            enough = self._hoped(staying, target.need, wanted) >= target.need
            if not enough and not (self._takes_unknown(target) and self._hoped(self._unknown, 1, wanted)):
                come = sum(self._is_active(each) for each in staying if each.status is Status.INACTIVE)
                self._hoped([each for each in target.managers if self._is_lost(each)], come + 1, wanted)
        return sorted(wanted)

    def shortages(self, by: str = "") -> list[Shortage]:
        """Return what has fewer managers after the changes than needed and than before; `by` names the base, if any."""
        short = [target for target in self._targets if self._left(target) < self._wanted(target)]
        return [*self._unmanaged(short, by), *self._unreached(short), *self._unseen(short)]

    def _unmanaged(self, short: Iterable[_Target], by: str) -> Iterator[Shortage]:
        """What is short of managers owner by owner, organisation by organisation."""
        groups: defaultdict[tuple[OrgId, int, int], list[_Target]] = defaultdict(list)
        for target in short:
            if not target.token and not target.unseen:
                groups[target.org_id, self._left(target), self._wanted(target)].append(target)
        orgs = dict(sorted((each.org_id, each.org) for each in self._everyone.values()))
        users = dict(sorted((each.user_id, each.user) for each in self._everyone.values()))
        unknown = [each for each in self._unknown if self._counted(each)]
        names = name_some([each.subject for each in unknown])
        why = f", as the rights of {names} are too large to be known" if unknown else ""
        for (org_id, left, need), targets in groups.items():
            owners = name_some([quoted(users[each.user_id] or each.user_id) for each in targets])
            org = quoted(orgs[org_id] or org_id)
            words = (
                f"organisation {org} would be left with {left} active tokens that can manage the tokens of {owners}: "
                f"at least {need} must stay{by}{why}"
            )
            lost = tuple(sorted({*self._gone(targets), *(each.id for each in unknown)}))
            yield Shortage(words, "keep or activate another manager whose owner is active", lost)

    def _unreached(self, short: Iterable[_Target]) -> Iterator[Shortage]:
        """What no token is left for, and what only rights on single tokens reached."""
        targets = [target for target in short if target.token]
        if targets:
            tokens = name_some([each.token.subject for each in targets if each.token])
            words = f"no active token would be left that can change {tokens}"
            yield Shortage(words, "keep or activate another one whose owner is active", self._gone(targets))

    def _unseen(self, short: Iterable[_Target]) -> Iterator[Shortage]:
        """What was taken away from others than these credentials see."""
        for target in short:
            if lost := target.unseen:
                manages = "may manage" if lost.rights.unknown else "manages"
                words = (
                    f"{lost.subject} {manages} tokens that cannot be seen with these credentials: whether enough "
                    "others manage them is not known"
                )
                own = "" if self._live.own_id else "say which token is yours with `--self-id ID`, "
                yield Shortage(words, own + _SEE, (lost.id,))

    def _gone(self, targets: Iterable[_Target]) -> tuple[TokenId, ...]:
        return tuple(sorted({each.id for target in targets for each in target.managers if self._is_lost(each)}))

    def _wanted(self, target: _Target) -> int:
        """How many must stay: as many as there were if those are fewer, unless nobody knows how many there were."""
        if self._takes_unknown(target) and any(map(self._counted, self._unknown)):
            return target.need
        return min(target.need, self._had(target))

    def _takes_unknown(self, target: _Target) -> bool:
        """Whether tokens whose rights are not known may have managed it, too, as they may all that is seen."""
        return bool(self._unknown) and not target.token and not target.unseen

    def _left(self, target: _Target) -> int:
        return sum(self._counts(each) for each in target.managers if self._stays(each))

    def _had(self, target: _Target) -> int:
        return sum(self._counted(each) for each in target.managers if each.status is Status.ACTIVE)

    def _hoped(self, managers: Sequence[Token], need: int, wanted: set[UserId]) -> int:
        """How many of them count once the owners that are wanted were asked; more are, until that may be enough."""
        found = sum(self._is_active(each) for each in managers)
        for each in managers:
            if found >= need:
                break
            if each.user_id not in self._live.owners:
                wanted.add(each.user_id)
                found += 1
        return found

    def _counts(self, manager: Token) -> bool:
        return self._live.untold or self._is_active(manager)

    def _counted(self, manager: Token) -> bool:
        """Whether it counted before: an owner of whom the server does not tell although it has told of others may."""
        return self._counts(manager) or self._live.owners.get(manager.user_id) is Owner.UNTOLD

    def _is_active(self, manager: Token) -> bool:
        return self._live.owners.get(manager.user_id) is Owner.ACTIVE

    def _stays(self, token: Token) -> bool:
        return self._after.get(token.id, token.status) is Status.ACTIVE

    def _is_lost(self, token: Token) -> bool:
        return token.status is Status.ACTIVE and not self._stays(token)

    def _pairs(self) -> Iterator[_Target]:
        for org_id, user_id in sorted({(each.org_id, each.user_id) for each in self._everyone.values()}):
            able = self._by_user[EVERY_USER] + self._by_user[user_id]
            managers = [each for each in able if each.rights.manages(org_id, user_id)]
            if self._unknown or any(map(self._is_lost, managers)):
                yield _Target(self._least, managers, org_id, user_id)

    def _singles(self) -> Iterator[_Target]:
        """The tokens that lose one which reached them by their ids alone: as long as anybody can, somebody must."""
        named = {token_id for each in self._lost for token_id in each.rights.named}
        for token_id in sorted(named & self._everyone.keys()):
            token = self._everyone[token_id]
            managers = [each for each in self._managers if each.rights.can_change(token)]
            by_name = (each for each in managers if not each.rights.manages(token.org_id, token.user_id))
            if any(map(self._is_lost, by_name)):
                yield _Target(1, managers, token=token)

    def _beyond(self) -> Iterator[_Target]:
        """What was lost for others than are seen: enough of those that stay must reach at least as far."""
        for lost in self._lost:
            rights = lost.rights.possible
            if not self._sees(rights):
                staying = [each for each in self._managers if self._stays(each) and each.rights.covers(rights)]
                yield _Target(self._least, [*staying, lost], unseen=lost)

    def _sees(self, rights: Rights) -> bool:
        """Whether the caller is sure to see all that these rights reach, whichever of the tokens is his own."""
        live = self._live
        if live.org and live.others is None:
            return False
        own = self._everyone.get(live.own_id) if live.own_id else None
        callers = [own] if own else [] if live.own_id else list(self._callers())
        return bool(callers) and all(each.rights.shows(rights, self._everyone.keys()) for each in callers)

    def _callers(self) -> Iterator[Token]:
        """The tokens that the caller may have signed in with: his, with no other secret, and they can read the list."""
        everyone = self._everyone.values()
        for each in everyone:
            is_his = each.status is Status.ACTIVE and each.user_id == self._live.own_user and each.proven is None
            if is_his and (each.rights.unknown or all(map(each.rights.read.covers, everyone))):
                yield each

    def _found(self) -> list[Token]:
        """Every token that manages something before or after, those first that reach farthest."""
        found = (each for each in self._everyone.values() if each.rights.manages_any and not each.rights.unknown)
        able = [each for each in found if each.status is Status.ACTIVE or self._stays(each)]
        return sorted(
            able, key=lambda each: (EVERY_USER not in each.rights.users, EVERY_ORG not in each.rights.orgs, each.id)
        )
