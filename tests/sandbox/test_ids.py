"""InfluxDB's ids."""

from __future__ import annotations

import pytest

from reconciler.sandbox import ids


def test_an_id_is_read_whatever_its_case() -> None:
    assert ids.read("0D3A5F0C1BE4E000") == "0d3a5f0c1be4e000"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "id must have a length of 16 bytes"),
        ("abc", "id must have a length of 16 bytes"),
        ("0d3a5f0c1be4e0000", "id must have a length of 16 bytes"),
        ("0d3a5f0c1be4e00é", "id must have a length of 16 bytes"),
        ("0d3a5f0c1be4e00g", "invalid ID"),
        ("0x3a5f0c1be4e000", "invalid ID"),
        ("0" * 16, "invalid ID"),
    ],
)
def test_what_is_no_id_is_refused_in_influxdbs_words(text: str, message: str) -> None:
    with pytest.raises(ids.IdError) as caught:
        ids.read(text)
    assert str(caught.value) == message


def test_ids_ascend_with_time() -> None:
    earlier, later = ids.snowflake(1_700_000_000_000), ids.snowflake(1_700_000_000_001)
    assert earlier < ids.after(earlier) < later
    assert len(earlier) == 16
