"""The commit of a merge in, the run that planned its pull request out."""

from __future__ import annotations

from action.github import Api


def find_run(api: Api, sha: str, artifact: str) -> dict[str, str]:
    """The number of the pull request that became this commit, and the run that kept its newest plan; {} if none.

    Only a run for the last commit of the pull request counts, and only one of this repository: a fork's has no plan,
    and whatever it left would be its own.
    """
    merged = [each for each in api.every(f"/commits/{sha}/pulls") if each["merged_at"]]
    found = next((each for each in merged if each["merge_commit_sha"] == sha), None) or next(iter(merged), None)
    if not found:
        return {}
    head = found["head"]["sha"]
    runs = [
        each
        for each in api.every("/actions/artifacts", name=artifact)
        if not each["expired"] and (each.get("workflow_run") or {}).get("head_sha") == head and _is_own(each)
    ]
    if not runs:
        return {"pull-request": str(found["number"])}
    newest = max(runs, key=lambda each: each["id"])
    return {"pull-request": str(found["number"]), "run": str(newest["workflow_run"]["id"])}


def _is_own(artifact: dict[str, dict[str, int]]) -> bool:
    run = artifact["workflow_run"]
    return run["head_repository_id"] == run["repository_id"]
