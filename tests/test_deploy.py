"""deploy/kubernetes and the guide's manifests: valid for several Kubernetes, locked down, and their commands run."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.errors import ExitCode
from tests.fleet import NAMES, fleet_on
from tests.render.test_metrics import read
from tests.scenarios.test_exit_codes import DESCRIBE
from tests.scenarios.test_guide_to_scheduling import EXAMPLES, FILES, PROFILE
from tests.shell import GRAFANA, OPERATOR, Shell, secret

kubernetes = import_module("kubernetes_validate")  # has no types
KUBERNETES = Path(__file__).parent.parent / "deploy" / "kubernetes"
BASE = KUBERNETES / "base"
FLEET = KUBERNETES / "fleet"
IMAGE = "ghcr.io/tokenctl/tokenctl"
VERSIONS = ("1.29", "1.31", "1.33", "1.35")
Manifest = dict[str, Any]

OWN = {folder: yaml.safe_load((folder / "kustomization.yaml").read_text()) for folder in (BASE, FLEET)}
MANIFESTS: dict[str, Manifest] = {
    f"{each['kind']}/{each['metadata']['name']}": each
    for folder, own in OWN.items()
    for name in own["resources"]
    for each in yaml.safe_load_all((folder / name).read_text())
} | {"Job/hook": yaml.safe_load(FILES["apply-hook.yaml"])}
PARTS = "Job/tokenctl-fleet"
WHOLE = ("CronJob/tokenctl-drift", "CronJob/tokenctl-apply", "Job/hook")
RUNS = (*WHOLE, PARTS)
FLEET_FILE = (EXAMPLES / "fleet" / "kustomization.yaml").read_text()


def job(name: str) -> Manifest:
    """The specification of the job that a manifest starts."""
    spec: Manifest = MANIFESTS[name]["spec"]
    made: Manifest = spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec
    return made


def pod(name: str) -> Manifest:
    """The specification of the pod of that job."""
    found: Manifest = job(name)["template"]["spec"]
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_is_valid_and_a_misspelt_one_is_not(name: str, version: str) -> None:
    kubernetes.validate(MANIFESTS[name], version, strict=True)
    misspelt = copy.deepcopy(MANIFESTS[name])
    misspelt["spec"]["accesModes"] = ["ReadWriteOnce"]
    with pytest.raises(kubernetes.ValidationError):
        kubernetes.validate(misspelt, version, strict=True)


def test_a_base_has_every_manifest_beside_it_and_names_no_version_of_its_own() -> None:
    for folder, own in OWN.items():
        assert {path.name for path in folder.iterdir()} == {"kustomization.yaml", *own["resources"]}
    assert sorted(MANIFESTS) == [
        "CronJob/tokenctl-apply",
        "CronJob/tokenctl-drift",
        "Job/hook",
        "Job/tokenctl-fleet",
        "PersistentVolumeClaim/tokenctl-fleet-journals",
        "PersistentVolumeClaim/tokenctl-journals",
        "PersistentVolumeClaim/tokenctl-metrics",
    ]
    assert {container["image"] for name in RUNS for container in pod(name)["containers"]} == {IMAGE}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_ends_in_time_once_and_may_do_nothing_but_its_work(name: str) -> None:
    spec = pod(name)
    (container,) = spec["containers"]
    assert (name == PARTS) or job(name)["backoffLimit"] == 0
    assert job(name)["activeDeadlineSeconds"] > 600
    assert "--timeout=10m" in container["args"]
    assert (spec["restartPolicy"], spec["automountServiceAccountToken"]) == ("Never", False)
    assert spec["terminationGracePeriodSeconds"] >= 15
    assert (spec["securityContext"]["runAsNonRoot"], spec["securityContext"]["fsGroup"]) == (True, 65532)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {each["name"]: each for each in container["volumeMounts"]}
    volumes = {each["name"]: each for each in spec["volumes"]}
    assert mounts.keys() == volumes.keys()
    assert [each["secret"]["defaultMode"] for each in volumes.values() if "secret" in each] == [0o440]
    assert {mount for mount in mounts if mounts[mount].get("readOnly")} == {"files", "credentials"}


def test_two_runs_are_never_under_way_and_a_missed_one_is_made_up_for() -> None:
    for name in WHOLE[:2]:
        spec = MANIFESTS[name]["spec"]
        assert (spec["concurrencyPolicy"], spec["timeZone"], spec["startingDeadlineSeconds"]) == (
            "Forbid",
            "Etc/UTC",
            300,
        )


def test_only_what_applies_has_credentials_that_may_write() -> None:
    secrets = {
        name: [each["secret"]["secretName"] for each in pod(name)["volumes"] if "secret" in each] for name in RUNS
    }
    assert secrets == {
        "CronJob/tokenctl-drift": ["tokenctl-read"],
        "CronJob/tokenctl-apply": ["tokenctl-write"],
        "Job/hook": ["tokenctl-write"],
        "Job/tokenctl-fleet": ["tokenctl-fleet-write"],
    }
    assert pod("CronJob/tokenctl-apply")["containers"][0]["args"] == pod("Job/hook")["containers"][0]["args"]


def mounted(folder: Path, **files: str) -> None:
    """Put files where Kubernetes puts those of a ConfigMap or a Secret: behind two links."""
    (folder / "..2026_01_02").mkdir(parents=True)
    (folder / "..data").symlink_to("..2026_01_02")
    for name, text in files.items():
        (folder / "..2026_01_02" / name.replace("_", ".")).write_text(text)
        (folder / name.replace("_", ".")).symlink_to(f"..data/{name.replace('_', '.')}")


def test_each_part_of_a_fleet_is_a_pod_that_runs_again_only_where_it_may_help() -> None:
    spec = job(PARTS)
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 10, 3)
    assert f"--shard=$(JOB_COMPLETION_INDEX)/{spec['completions']}" in pod(PARTS)["containers"][0]["args"]
    assert (spec["backoffLimitPerIndex"], spec["maxFailedIndexes"]) == (1, 2)
    taken, failed = spec["podFailurePolicy"]["rules"]
    assert (taken["action"], taken["onPodConditions"]) == ("Ignore", [{"type": "DisruptionTarget", "status": "True"}])
    again = [ExitCode.UNREACHABLE, ExitCode.LOCKED]
    codes = {"containerName": pod(PARTS)["containers"][0]["name"], "operator": "NotIn", "values": again}
    assert (failed["action"], failed["onExitCodes"]) == ("FailIndex", codes)
    assert MANIFESTS["PersistentVolumeClaim/tokenctl-fleet-journals"]["spec"]["accessModes"] == ["ReadWriteMany"]


def test_the_parts_are_the_fleet_and_each_server_is_sent_to_once(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with fleet_on(tmp_path) as fleet:
        manifest = Path(fleet.declare(DESCRIBE)).read_text()
        mounted(root / "files", **{f"{name}_yaml": manifest for name in NAMES})
        mounted(root / "credentials", configs=(tmp_path / "profiles").read_text())
        (root / "journals").mkdir()
        (container,) = pod(PARTS)["containers"]
        (variable,) = container["env"]
        given = {variable["name"]: str(root / variable["value"][1:])}
        for index in range(job(PARTS)["completions"]):
            arguments = [
                each.replace("=/", f"={root}/").replace("$(JOB_COMPLETION_INDEX)", str(index))
                for each in container["args"]
            ]
            done = fleet.cli(*arguments, environment=given)
            assert (done.code, "not planned" in done.out) == (0, False), done
        for box in fleet.sandboxes.values():
            assert [each.description for each in box.tokens if each.id == GRAFANA] == ["dashboard"]
            assert [each.method for each in box.requests].count("PATCH") == 1
        journals = sorted(path.stem.split("-", 3)[3] for path in (root / "journals").iterdir())
        assert journals == list(NAMES)


@pytest.mark.parametrize("name", WHOLE)
def test_what_a_container_starts_does_its_work_on_what_is_mounted(name: str, shell: Shell) -> None:
    shell.here = True
    manifest = Path(shell.declare(DESCRIBE)).read_text()
    root = shell.folder / "root"
    mounted(root / "files", tokens_yaml=manifest)
    mounted(root / "credentials", configs=PROFILE.format(url=shell.sandbox.url, token=secret(OPERATOR)))
    (container,) = pod(name)["containers"]
    for each in container["volumeMounts"]:
        (root / each["mountPath"][1:]).mkdir(exist_ok=True)
    (variable,) = container["env"]
    del shell.environment["INFLUX_TOKEN"], shell.environment["XDG_STATE_HOME"]
    shell.environment[variable["name"]] = str(root / variable["value"][1:])
    arguments = [each.replace("=/", f"={root}/") for each in container["args"][:-1]]
    done = shell.run(*arguments, str(root / container["args"][-1][1:]))
    assert (done.code, done.err) == (0, "")
    assert "1 to describe" in done.out
    left = sorted(path.name.partition("-")[0] for path in (root / "metrics").glob("*")) + sorted(
        path.name.partition("-")[0] for path in (root / "journals").glob("*")
    )
    assert left == (["tokenctl.prom"] if "plan" in arguments else ["apply"])
    assert [each.description for each in shell.sandbox.tokens if each.id == GRAFANA] == [
        "grafana dashbord" if "plan" in arguments else "dashboard"
    ]
    if "plan" in arguments:
        rows = read((root / "metrics" / "tokenctl.prom").read_text())
        assert rows["tokenctl_up", (("server", "production"),)] == 1
    again = shell.run(*arguments, str(root / container["args"][-1][1:]))
    assert (again.out == "") == ("plan" not in arguments)


@pytest.mark.parametrize(
    ("folder", "text", "runs", "kinds"),
    [
        (BASE, FILES["kustomization.yaml"], WHOLE, ["CronJob", "CronJob", *["PersistentVolumeClaim"] * 2]),
        (FLEET, FLEET_FILE, RUNS[-1:], ["Job", "PersistentVolumeClaim"]),
    ],
)
def test_kustomize_makes_of_the_guides_kustomization_what_runs(
    tmp_path: Path, folder: Path, text: str, runs: tuple[str, ...], kinds: list[str]
) -> None:
    kubectl = shutil.which("kubectl")
    own = yaml.safe_load(text)
    (remote,) = own["resources"]
    assert remote == f"https://github.com/tokenctl/tokenctl//deploy/kubernetes/{folder.name}?ref=COMMIT"
    assert own["images"] == [{"name": IMAGE, "newTag": "VERSION"}]
    (made_of,) = own["configMapGenerator"]
    assert {
        volume["configMap"]["name"] for name in runs for volume in pod(name)["volumes"] if "configMap" in volume
    } == {made_of["name"]}
    if not kubectl:
        pytest.skip("there is no kubectl, which has kustomize in it; CI has one")
    shutil.copytree(folder, tmp_path / "base")
    for file in made_of["files"]:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("version: 1\ntokens: []\n")
    (tmp_path / "kustomization.yaml").write_text(json.dumps({**own, "resources": ["base"]}))
    made = subprocess.run([kubectl, "kustomize", str(tmp_path)], capture_output=True, check=True, text=True)
    found = [*yaml.safe_load_all(made.stdout)]
    assert sorted(each["kind"] for each in found) == ["ConfigMap", *kinds]
    for each in found:
        kubernetes.validate(each, VERSIONS[-1], strict=True)
    assert {each["metadata"]["namespace"] for each in found} == {"tokenctl"}
    (files,) = (each["metadata"]["name"] for each in found if each["kind"] == "ConfigMap")
    jobs = sum(each.endswith("Job") for each in kinds)
    assert made.stdout.count(f"name: {files}\n") == 1 + jobs
    assert made.stdout.count(f"image: {IMAGE}:VERSION\n") == jobs


def test_kustomize_gives_the_hook_for_argo_cd_its_version_and_its_files(tmp_path: Path) -> None:
    guide = (EXAMPLES.parent / "docs" / "scheduling.md").read_text().partition("\n### Argo CD\n")[2]
    (shown,) = re.findall(r"(?:^    .*\n)+", guide, re.MULTILINE)
    own = {**yaml.safe_load(FILES["kustomization.yaml"]), **yaml.safe_load(textwrap.dedent(shown))}
    remote, hook = own["resources"]
    assert [remote] == yaml.safe_load(FILES["kustomization.yaml"])["resources"]
    kubectl = shutil.which("kubectl")
    if not kubectl:
        pytest.skip("there is no kubectl, which has kustomize in it; CI has one")
    shutil.copytree(BASE, tmp_path / "base")
    (tmp_path / "tokens.yaml").write_text("version: 1\ntokens: []\n")
    (tmp_path / hook).write_text(FILES[hook])
    (tmp_path / "kustomization.yaml").write_text(json.dumps({**own, "resources": ["base", hook]}))
    made = subprocess.run([kubectl, "kustomize", str(tmp_path)], capture_output=True, check=True, text=True)
    found = {each["kind"]: each for each in yaml.safe_load_all(made.stdout)}
    assert (found["CronJob"]["metadata"]["name"], made.stdout.count("kind: CronJob\n")) == ("tokenctl-drift", 1)
    spec = found["Job"]["spec"]["template"]["spec"]
    files = [each["configMap"]["name"] for each in spec["volumes"] if "configMap" in each]
    assert files == [found["ConfigMap"]["metadata"]["name"]] != ["tokenctl-files"]
    assert spec["containers"][0]["image"] == f"{IMAGE}:VERSION"
