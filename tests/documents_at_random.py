"""Manifests as people write them, made at random: comments, blank lines, block scalars, brackets, quotes, line ends."""

from __future__ import annotations

from random import Random

from reconciler.manifest.dump import double_quoted, scalar

_TEXTS = (
    "x",
    "a b",
    "Ingest EU",
    "yes",
    "0123",
    "1e3",
    "2024-01-01",
    "a: b",
    "it's",
    'q "x"',
    "é 🔥",
    " x ",
    "12:30",
    "#1",
)
_COMMENTS = ("# c", "#", "# status: active", "# 🔥 é", "#  two  blanks", '# it\'s "so"')


class Writer:
    """Writes one document; every choice is the random source's."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.used = 0

    def some(self, share: float) -> bool:
        return self.chance.random() < share

    def blanks(self) -> str:
        return " " * (1 if self.some(0.8) else self.chance.randint(1, 5))

    def tail(self) -> str:
        """What may stand behind a value."""
        if self.some(0.2):
            return " " * self.chance.randint(1, 4) + self.chance.choice(_COMMENTS)
        return " " * self.chance.randint(0, 2) * self.some(0.1)

    def between(self, column: int, share: float = 0.15) -> str:
        """Blank lines and comments, of which some stand in no column that means anything."""
        lines = ""
        while self.some(share):
            indent = column if self.some(0.6) else self.chance.randint(0, column + 5)
            lines += (
                " " * indent + self.chance.choice(_COMMENTS) + "\n"
                if self.some(0.6)
                else " " * self.chance.choice((0, 0, 2, 9)) + "\n"
            )
        return lines

    def block(self, column: int) -> str:
        """A block scalar as a value, with its lines but the last newline."""
        header = self.chance.choice("|>") + self.chance.choice(("", "-", "+"))
        extra = self.chance.randint(1, 4)
        if self.some(0.2):
            header = header[0] + self.chance.choice((f"{extra}{header[1:]}", f"{header[1:]}{extra}"))
        indent = " " * (column + extra)
        lines = [indent + self.chance.choice(("one", "two # no comment", "- x", "é: 🔥", "three  "))]
        while self.some(0.4):
            lines.append(self.chance.choice(("", indent + "more", indent + "  deeper", indent + "   ", indent[:-1])))
        return header + (" # header" if self.some(0.1) else "") + "\n" + "\n".join(lines)

    def value(self, text: str, column: int, *, flow: bool) -> str:
        style = self.chance.randint(0, 9)
        if style == 0 and "\n" not in text:
            return "'" + text.replace("'", "''") + "'"
        if style == 1:
            return double_quoted(text)
        if style == 2:
            indent = "\n" + " " * (column + self.chance.randint(1, 5))
            return self.chance.choice(
                ('"one{0}two"', "'one{0}{0}two'", '"one\\{0} two"', "one{0}two", "one{0}{0}two")
            ).format(indent)
        if style == 3 and not flow:
            return self.block(column)
        if style == 4 and not flow and text in ("yes", "0123", "1e3", "2024-01-01", "12:30"):
            return text
        return scalar(text)

    def fields(self) -> list[tuple[str, str]]:
        self.used += 1
        number = f"{self.used:016x}"
        found = [("id", self.chance.choice((f'"{number}"', f"'{number}'", f"0D3A{number[4:]}", f'"0D3A{number[4:]}"')))]
        if self.some(0.2):
            found = [("match", "")]
        found += [("name", f"n{self.used}")] if self.some(0.6) else []
        found += [("description", "?")] if self.some(0.6) else []
        found += (
            [("status", self.chance.choice(("active", "inactive", '"active"', "'inactive'")))] if self.some(0.6) else []
        )
        found += [("protected", "true")] if self.some(0.2) else []
        found += [("labels", "")] if self.some(0.3) else []
        if self.some(0.3):
            self.chance.shuffle(found)
        return found

    def flow(self, column: int) -> str:
        """A declaration in braces, on one line or on several."""
        parts = []
        for key, written in self.fields():
            if key in ("match", "labels"):
                parts.append(f"{key}: " + self.nested())
            else:
                parts.append(
                    f"{key}: "
                    + (self.value(self.chance.choice(_TEXTS), column, flow=True) if written == "?" else written)
                )
        if self.some(0.3):
            ends = [self.tail() + "\n" + " " * (column + self.chance.randint(1, 4)) for _ in range(len(parts) + 1)]
            body = ends[0] + "".join(part + "," + end for part, end in zip(parts, ends[1:], strict=True))
            return "{" + body + "}"
        gap = self.chance.choice(("", " "))
        return "{" + gap + f",{self.blanks()}".join(parts) + self.chance.choice(("", ",")) + gap + "}"

    def nested(self) -> str:
        return self.chance.choice(("{user: mira}", "{ user: yes,  org: 'x' }", '{org: "a, b"}'))

    def entry(self, column: int) -> str:
        """The keys of a declaration in block style, from behind the dash on."""
        text, first = "", True
        for key, written in self.fields():
            text += "" if first else self.between(column) + " " * column
            first = False
            key_text = f'"{key}"' if self.some(0.1) else key
            text += key_text + (" :" if self.some(0.05) else ":")
            if key in ("match", "labels"):
                if self.some(0.5):
                    text += self.blanks() + self.nested() + self.tail() + "\n"
                    continue
                deeper = column + self.chance.randint(1, 4)
                text += self.tail() + "\n"
                for each in ("user", "org")[: self.chance.randint(1, 2)]:
                    text += (
                        self.between(deeper) + " " * deeper + each + ": " + self.value("yes", deeper, flow=False) + "\n"
                    )
                continue
            value = self.value(self.chance.choice(_TEXTS), column, flow=False) if written == "?" else written
            in_next = self.some(0.07)
            text += "\n" + " " * (column + self.chance.randint(1, 5)) if in_next else self.blanks()
            text += value + ("" if value[0] in "|>" else self.tail()) + "\n"
        return text

    def document(self) -> str:
        text = self.between(0) + ("---\n" if self.some(0.1) else "")
        root = 2 if self.some(0.05) else 0
        keys = ["version: 1", "tokens"]
        keys += (
            [
                self.chance.choice(
                    ("lock: true", "absent:   warn", "guards:\n    min_managers: 1   # x", "unmanaged: 'warn'")
                )
            ]
            if self.some(0.5)
            else []
        )
        self.chance.shuffle(keys)
        for key in keys:
            text += self.between(root) + " " * root
            if key != "tokens":
                text += key.replace("\n", "\n" + " " * root) + self.tail() + "\n"
                continue
            text += "tokens:"
            number = self.chance.randint(0, 4)
            if number == 0 or self.some(0.1):
                gap = self.chance.choice(("", " ", "\n" + " " * (root + 1)))
                text += (
                    " ["
                    + gap
                    + f", {gap}".join(self.flow(root + 1) for _ in range(number))
                    + gap
                    + "]"
                    + self.tail()
                    + "\n"
                )
                continue
            text += self.tail() + "\n"
            column = root + self.chance.choice((0, 2, 2, 2, 4))
            for _ in range(number):
                text += self.between(column) + " " * column + "-"
                if self.some(0.2):
                    text += self.blanks() + self.flow(column + 2) + self.tail() + "\n"
                elif self.some(0.1):
                    deeper = column + self.chance.randint(1, 4)
                    text += self.tail() + "\n" + self.between(deeper) + " " * deeper + self.entry(deeper)
                else:
                    gap = self.blanks()
                    text += gap + self.entry(column + 1 + len(gap))
        text += self.between(root, 0.4) + ("...\n" + self.between(0) if self.some(0.1) else "")
        text = text[:-1] if self.some(0.2) else text
        text = text.replace("\n", "\r\n") if self.some(0.2) else text
        return ("\ufeff" if self.some(0.1) else "") + text
