"""The words that options of the commands take, apart from what they stand for: `--help` needs only the words."""

from __future__ import annotations

from enum import StrEnum


class PlanFormat(StrEnum):
    """What `--format` takes for a plan."""

    TEXT = "text"
    JSON = "json"
    OPS = "ops"
    CURL = "curl"
    MARKDOWN = "markdown"
    HTML = "html"
    GITHUB = "github"
    GITLAB_TERRAFORM = "gitlab-terraform"
    GITLAB_CODEQUALITY = "gitlab-codequality"
    SARIF = "sarif"
    JUNIT = "junit"


class ListFormat(StrEnum):
    """What `--format` takes for an inventory."""

    TEXT = "text"
    JSON = "json"


class SchemaName(StrEnum):
    """The schemas that `schema` prints."""

    TOKENS = "tokens"
    PLAN = "plan"
    REVISIONS = "revisions"
    JOURNAL = "journal"
    EVENTS = "events"


class Switch(StrEnum):
    """What an option takes that is on, off, or left to the server's version."""

    TRUE = "true"
    FALSE = "false"
