"""What manifests hold: typed fields, the same bytes as before, and a clear error for any other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ml_platform.core.errors import ArtifactDamaged, ManifestFault
from ml_platform.core.hashing import canonical_json
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds import artifact_kind, artifact_kinds
from ml_platform.storage.artifact_kinds.predictions import PredictionsManifest, Segment
from ml_platform.storage.artifact_kinds.quarantine import QuarantineManifest
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.manifest import Artifact
from tests.audit.verify.factory import build_factory

KIND_OF_MINE = "not_installed"


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return build_factory(tmp_path_factory.mktemp("factory"))


@pytest.mark.slow
def test_every_manifest_of_a_factory_is_rewritten_to_the_same_bytes_and_the_same_id(factory: Project):
    seen = set()
    for path in factory.store.files("manifests"):
        _, kind, name = path.split("/")
        artifact = factory.store.get(kind, name.removesuffix(".json"))
        manifest = artifact_kind(kind).of(artifact)
        assert canonical_json(manifest.as_json()) == canonical_json(artifact.about)
        assert manifest.id_of(artifact.inputs, artifact.objects) == artifact.id
        seen.add(kind)
    assert seen == {
        "source", "feature_table", "snapshot", "trained_model", "evaluation", "predictions", "monitoring",
        "drift_reference", "checks", "quarantine",
    }  # fmt: skip


def source(**changed: Any) -> Artifact:
    about = {"source": "orders", "columns": {"id": "string"}, "rows": 3, "keys_repeat": False, "replaced": []}
    chunk = {"name": "000001/2024-05", "rows": 3, "id": "ab", "known_from": "2024-05-01T00:00:00.000000Z"}
    about |= {"chunks": [chunk], "events": ["a", "b"], "known": ["a", "b"]}
    fields = {name: value for name, value in (about | changed).items() if value is not None}
    return Artifact("source", "5" * 64, "key", fields, {}, {})


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"rows": None}, "rows is missing"),
        ({"row": 4}, "row is no field of this kind"),
        ({"rows": "3"}, "rows input should be a valid integer"),
        ({"chunks": [{"name": "x", "rows": 1, "id": "y"}]}, r"chunks\.0\.known_from is missing"),
    ],
)
def test_a_field_that_is_missing_unknown_or_of_another_type_is_named_with_kind_and_id(changed, problem):
    with pytest.raises(ManifestFault, match=f"^manifest of source 555555555555 cannot be used: {problem}") as caught:
        SourceManifest.of(source(**changed))
    assert isinstance(caught.value, ArtifactDamaged)


def test_an_artifact_of_another_kind_is_not_read():
    with pytest.raises(ManifestFault, match="its kind must be snapshot"):
        SnapshotManifest.of(source())


def test_a_manifest_is_read_once():
    artifact = source()
    assert SourceManifest.of(artifact) is SourceManifest.of(artifact)
    assert SourceManifest.of(replace(artifact, read={})) == SourceManifest.of(artifact)


def test_a_kind_that_no_package_knows_keeps_its_facts_and_claims_no_id():
    artifact = Artifact(KIND_OF_MINE, "7" * 64, "key", {"rows": 3, "x": [1]}, {}, {})
    manifest = artifact_kind(KIND_OF_MINE).of(artifact)
    assert manifest.as_json() == {"rows": 3, "x": [1]}
    assert manifest.id_of({}, {}) is None


def test_a_fact_that_has_no_value_is_not_written():
    assert QuarantineManifest(source="s", rows=1, at="t").as_json() == {"source": "s", "rows": 1, "at": "t"}
    segment = Segment(id="a", rows=1, declared="d")
    assert segment.but(rows=2, declared=None).as_json() == {"id": "a", "rows": 2}
    empty = PredictionsManifest(model="m", day="2024-05-01", rows=0, segments=())
    assert (empty.late, empty.as_json()) == (0, {"model": "m", "day": "2024-05-01", "rows": 0, "segments": []})


def test_each_kind_is_registered_under_its_name():
    assert all(kind.name == name for name, kind in artifact_kinds().items())
    assert {"source", "snapshot", "pictures", "quarantine"} <= set(artifact_kinds())
