"""What differs between versions."""

from __future__ import annotations

import pytest

from reconciler.errors import UsageError
from reconciler.sandbox.profiles import profile


@pytest.mark.parametrize(
    ("version", "hides", "prefixed"),
    [
        ("2.1.0", False, False),
        ("v2.7.12", False, False),
        ("2.8.0", False, True),
        ("2.8.99", False, True),
        ("2.9.1", True, True),
    ],
)
def test_a_version_behaves_as_the_nearest_known_one_below(version: str, hides: bool, prefixed: bool) -> None:
    found = profile(version)
    assert found.version == "v" + version.removeprefix("v")
    assert (found.hides_secrets, found.unknown_status.startswith("encodeAuthorization: ")) == (hides, prefixed)


def test_whether_secrets_are_hidden_can_be_said() -> None:
    assert profile("2.8.0", hashed=True).hides_secrets
    assert not profile("2.9.1", hashed=False).hides_secrets


def test_the_cloud_follows_its_documentation_and_says_so() -> None:
    cloud = profile("cloud", hashed=False)
    assert (cloud.recorded, cloud.mask, cloud.headers) == (False, "redacted", {"X-Influxdb-Build": "Cloud"})
    assert profile("2.9.1").recorded
    assert profile("2.7.12").headers == {"X-Influxdb-Build": "OSS", "X-Influxdb-Version": "v2.7.12"}


@pytest.mark.parametrize("version", ["", "2", "2.7", "2.0.9", "1.8.10", "3.0.0", "2.7.12-rc1", "latest"])
def test_what_is_no_known_version_is_refused(version: str) -> None:
    with pytest.raises(UsageError) as caught:
        profile(version)
    assert str(caught.value) == (
        f"there is no InfluxDB version `{version}` to be like\n"
        "  hint: versions from 2.1.0 on are known, such as 2.7.12, 2.8.0 and 2.9.1, and `cloud`"
    )
