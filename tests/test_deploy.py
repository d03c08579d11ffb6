"""deploy/kubernetes and the guide's manifests: valid for several Kubernetes, locked down, and their commands run."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.render.test_metrics import read
from tests.scenarios.test_exit_codes import DESCRIBE
from tests.scenarios.test_guide_to_scheduling import FILES, PROFILE
from tests.shell import GRAFANA, OPERATOR, Shell, secret

kubernetes = import_module("kubernetes_validate")  # has no types
BASE = Path(__file__).parent.parent / "deploy" / "kubernetes" / "base"
IMAGE = "ghcr.io/tokenctl/tokenctl"
VERSIONS = ("1.29", "1.31", "1.33", "1.35")
Manifest = dict[str, Any]

OWN = yaml.safe_load((BASE / "kustomization.yaml").read_text())
MANIFESTS: dict[str, Manifest] = {
    f"{each['kind']}/{each['metadata']['name']}": each
    for name in OWN["resources"]
    for each in yaml.safe_load_all((BASE / name).read_text())
} | {"Job/hook": yaml.safe_load(FILES["apply-hook.yaml"])}
RUNS = [name for name in MANIFESTS if not name.startswith("PersistentVolumeClaim/")]


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


def test_the_base_has_every_manifest_beside_it_and_names_no_version_of_its_own() -> None:
    assert {path.name for path in BASE.iterdir()} == {"kustomization.yaml", *OWN["resources"]}
    assert sorted(MANIFESTS) == [
        "CronJob/tokenctl-apply",
        "CronJob/tokenctl-drift",
        "Job/hook",
        "PersistentVolumeClaim/tokenctl-journals",
        "PersistentVolumeClaim/tokenctl-metrics",
    ]
    assert {container["image"] for name in RUNS for container in pod(name)["containers"]} == {IMAGE}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_ends_in_time_once_and_may_do_nothing_but_its_work(name: str) -> None:
    spec = pod(name)
    (container,) = spec["containers"]
    assert job(name)["backoffLimit"] == 0
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
    for name in RUNS[:2]:
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
    }
    assert pod("CronJob/tokenctl-apply")["containers"][0]["args"] == pod("Job/hook")["containers"][0]["args"]


def mounted(folder: Path, **files: str) -> None:
    """Put files where Kubernetes puts those of a ConfigMap or a Secret: behind two links."""
    (folder / "..2026_01_02").mkdir(parents=True)
    (folder / "..data").symlink_to("..2026_01_02")
    for name, text in files.items():
        (folder / "..2026_01_02" / name.replace("_", ".")).write_text(text)
        (folder / name.replace("_", ".")).symlink_to(f"..data/{name.replace('_', '.')}")


@pytest.mark.parametrize("name", RUNS)
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


def test_kustomize_makes_of_the_guides_kustomization_what_runs(tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    own = yaml.safe_load(FILES["kustomization.yaml"])
    (remote,) = own["resources"]
    assert remote == "https://github.com/tokenctl/tokenctl//deploy/kubernetes/base?ref=COMMIT"
    assert own["images"] == [{"name": IMAGE, "newTag": "VERSION"}]
    assert {
        volume["configMap"]["name"] for name in RUNS for volume in pod(name)["volumes"] if "configMap" in volume
    } == {own["configMapGenerator"][0]["name"]}
    if not kubectl:
        pytest.skip("there is no kubectl, which has kustomize in it; CI has one")
    shutil.copytree(BASE, tmp_path / "base")
    (tmp_path / "tokens.yaml").write_text("version: 1\ntokens: []\n")
    (tmp_path / "kustomization.yaml").write_text(json.dumps({**own, "resources": ["base"]}))
    made = subprocess.run([kubectl, "kustomize", str(tmp_path)], capture_output=True, check=True, text=True)
    found = [*yaml.safe_load_all(made.stdout)]
    assert sorted(each["kind"] for each in found) == ["ConfigMap", "CronJob", "CronJob", *["PersistentVolumeClaim"] * 2]
    for each in found:
        kubernetes.validate(each, VERSIONS[-1], strict=True)
    assert {each["metadata"]["namespace"] for each in found} == {"tokenctl"}
    (files,) = (each["metadata"]["name"] for each in found if each["kind"] == "ConfigMap")
    assert made.stdout.count(f"name: {files}\n") == 3
    assert made.stdout.count(f"image: {IMAGE}:VERSION\n") == 2
