import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from ml_platform.core.errors import ArtifactDamaged, EvaluationError, LedgerDamaged, ReleaseRefused, StaleEvaluation
from ml_platform.models.train import train_model
from ml_platform.project import Project
from ml_platform.registry.champion import Rivals, champion, first_deployed, rivals_of
from ml_platform.registry.deploy import deploy
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.ledger.lines import ledger_lines
from ml_platform.storage.versions import VERSIONS, register_version, version_of, versions
from tests.audit.verify.factory import EASY
from tests.models.rows import keep_snapshots, shop_project, snapshot
from tests.worlds import LATE_PARCEL

pytestmark = pytest.mark.slow

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def project(tmp_path, monkeypatch):
    keep_snapshots(monkeypatch, {f"s{seed}": snapshot(seed=10 * seed) for seed in range(4)})
    return shop_project(tmp_path)


def _changed(directory, old, new):
    return shop_project(directory, models__late_parcel=LATE_PARCEL.replace(old, new))


def _train(project, snapshot_id="s0"):
    return train_model(project, "late_parcel", snapshot_id).artifact


def _evaluate(project, trained, champion=None, snapshot_id="s0"):
    anchor = rivals_of(project, "late_parcel", trained.id).anchor if champion else None
    return evaluate_model(project, "late_parcel", trained.id, snapshot_id, champion, anchor).artifact


def _deploy(project, trained, evaluation, now=NOON):
    return deploy(project, "late_parcel", trained.id, evaluation.id, "ada@shop.example", now)


def _easy(project):
    """Ask of a release only what every rule needs, so that any challenger may follow any champion."""
    return _changed(project.root, "deployment:", EASY + "deployment:")


# Versions ---------------------------------------------------------------------------


def test_versions_are_numbered_from_one_and_the_same_trained_model_keeps_its_number(project):
    first, second = _train(project, "s0"), _train(project, "s1")
    assert register_version(project, "late_parcel", first, NOON).number == 1
    assert register_version(project, "late_parcel", second, NOON + HOUR).number == 2
    registered = register_version(project, "late_parcel", first, NOON + 2 * HOUR)
    assert (registered.number, registered.registered_at) == (1, NOON)
    assert [version.id for version in versions(project, "late_parcel")] == [first.id, second.id]
    assert str(version_of(project, "late_parcel", second.id)) == "late_parcel@2"
    assert version_of(project, "late_parcel", second.id).snapshot == "s1"
    assert versions(project, "lateness") == []


def test_twenty_threads_that_register_at_once_get_numbers_without_gap_or_repetition(project):
    trained = _train(project)
    others = [dataclasses.replace(trained, id=f"{number:064d}") for number in range(10)]

    def register(artifact):
        return register_version(Project(project.spec), "late_parcel", artifact, NOON).number

    with ThreadPoolExecutor(20) as pool:
        numbers = list(pool.map(register, others + others))
    assert numbers[:10] == numbers[10:]
    assert sorted(numbers[:10]) == list(range(1, 11))


# Deployment ---------------------------------------------------------------------------


def test_a_deployment_records_who_when_from_to_and_why(project):
    trained = _train(project)
    evaluation = _evaluate(_easy(project), trained)
    line = _deploy(_easy(project), trained, evaluation)
    assert (line.actor, line.at, line.action) == ("ada@shop.example", NOON, "deploy")
    assert (line.from_value, line.to_value) == (None, trained.id)
    assert line.reason.startswith(f"auc {evaluation.about['figures']['auc']:.4g}, required: at least 0.55")
    assert line.facts["version"] == 1
    assert line.facts["rule"] == "first"
    assert line.facts["anchor"] == trained.id
    assert line.facts["figures"] == evaluation.about["figures"]
    assert champion(project, "late_parcel").id == trained.id
    assert first_deployed(project, "late_parcel") == NOON


def test_what_is_champion_already_is_not_redeployed(project):
    easy = _easy(project)
    trained = _train(easy)
    evaluation = _evaluate(easy, trained)
    assert _deploy(easy, trained, evaluation) is not None
    assert _deploy(easy, trained, evaluation) is None
    assert len(ledger_lines(easy.database)) == 1


def test_the_champion_of_a_past_instant_is_read_from_the_ledger(project):
    easy = _easy(project)
    first, second = _train(easy, "s0"), _train(easy, "s1")
    _deploy(easy, first, _evaluate(easy, first), NOON)
    _deploy(easy, second, _evaluate(easy, second, first.id, "s1"), NOON + 2 * HOUR)
    at = {hours: champion(easy, "late_parcel", NOON + hours * HOUR) for hours in (-1, 0, 1, 2, 3)}
    assert at[-1] is None
    assert [at[hours].number for hours in (0, 1, 2, 3)] == [1, 1, 2, 2]


def test_the_rivals_are_champion_and_anchor_and_for_the_champion_itself_those_before_it(project):
    easy = _easy(project)
    first, second = _train(easy, "s0"), _train(easy, "s1")
    assert rivals_of(easy, "late_parcel", first.id) == Rivals(None, None)
    _deploy(easy, first, _evaluate(easy, first), NOON)
    assert rivals_of(easy, "late_parcel", first.id) == Rivals(None, None)
    assert rivals_of(easy, "late_parcel", second.id) == Rivals(first.id, first.id)
    _deploy(easy, second, _evaluate(easy, second, first.id, "s1"), NOON + HOUR)
    assert rivals_of(easy, "late_parcel", second.id) == Rivals(first.id, first.id)
    assert rivals_of(easy, "late_parcel", first.id).champion == second.id


def test_on_newer_rows_the_champion_is_the_only_rival_so_that_none_can_be_recommended(project):
    easy = _easy(project)
    first = _train(easy, "s0")
    _deploy(easy, first, _evaluate(easy, first), NOON)
    assert rivals_of(easy, "late_parcel", first.id, "s0") == Rivals(None, None)
    assert rivals_of(easy, "late_parcel", first.id, "s1") == Rivals(first.id, first.id)
    about = evaluate_model(easy, "late_parcel", first.id, "s1", first.id, first.id).artifact.about
    gain = about["figures"]["value_vs_do_nothing"]
    assert about["release"]["champion_gain"] == pytest.approx(gain / about["rows_valued"])
    assert about["verdict"] == "same"


def test_a_missed_gate_is_refused_with_its_figure_and_the_champion_stays(project):
    strict = _changed(project.root, 'auc: ">= 0.55"', 'auc: ">= 0.999"')
    trained = _train(strict)
    evaluation = _evaluate(strict, trained)
    with pytest.raises(ReleaseRefused) as caught:
        _deploy(strict, trained, evaluation)
    assert f"auc {evaluation.about['figures']['auc']:.4g}, required: at least 0.999" in str(caught.value)
    assert champion(strict, "late_parcel") is None
    assert ledger_lines(strict.database) == []


def test_a_gate_that_was_tightened_after_the_evaluation_counts(project):
    easy = _easy(project)
    trained = _train(easy)
    evaluation = _evaluate(easy, trained)
    assert evaluation.about["verdict"] == "deploy"
    model = easy.spec.models["late_parcel"]
    (gate,) = model.gates.values()
    tightened = model.model_copy(update={"gates": {"auc": gate.model_copy(update={"limit": 0.999})}})
    strict = Project(dataclasses.replace(easy.spec, models={**easy.spec.models, "late_parcel": tightened}))
    with pytest.raises(ReleaseRefused, match=r"auc .*, required: at least 0\.999"):
        _deploy(strict, trained, evaluation)


def test_a_release_rule_that_changed_after_the_evaluation_asks_for_a_new_one(project):
    easy = _easy(project)
    trained = _train(easy)
    evaluation = _evaluate(easy, trained)
    with pytest.raises(StaleEvaluation, match="the release rule first has changed since the evaluation"):
        _deploy(project, trained, evaluation)


def test_an_evaluation_against_another_champion_is_stale(project):
    easy = _easy(project)
    first, second = _train(easy, "s0"), _train(easy, "s1")
    stale = _evaluate(easy, second, None, "s1")
    _deploy(easy, first, _evaluate(easy, first))
    with pytest.raises(
        StaleEvaluation, match=rf"the champion is {first.short_id} by now, the evaluation was against no"
    ):
        _deploy(easy, second, stale)
    assert champion(easy, "late_parcel").id == first.id


def test_an_evaluation_of_another_trained_model_decides_nothing(project):
    easy = _easy(project)
    first, second = _train(easy, "s0"), _train(easy, "s1")
    with pytest.raises(
        EvaluationError,
        match=f"is of trained model {first.short_id}, not of {second.short_id}. Evaluate {second.short_id}",
    ):
        _deploy(easy, second, _evaluate(easy, first))


def test_a_trained_model_cannot_become_champion_of_another_model(project):
    easy = _easy(project)
    trained = _train(easy)
    evaluation = _evaluate(easy, trained)
    with pytest.raises(EvaluationError, match=rf"^lateness: trained model {trained.short_id} belongs to late_parcel"):
        deploy(easy, "lateness", trained.id, evaluation.id, "ada@shop.example", NOON)


TWINS = {"twin_a": LATE_PARCEL, "twin_b": LATE_PARCEL.replace("label * 9", "label * 20"), "twin_c": LATE_PARCEL}


def test_models_with_the_same_rows_and_payoffs_are_deployed_each(tmp_path, monkeypatch):
    # twin_c differs from twin_a in its name alone: it is fitted to the same state, and is a model of its own.
    keep_snapshots(monkeypatch, {"s0": snapshot(seed=0)})
    easy = {name: text.replace("deployment:", EASY + "deployment:") for name, text in TWINS.items()}
    twins = {f"models__{name}": text.replace("name: late_parcel", f"name: {name}") for name, text in easy.items()}
    project = shop_project(tmp_path, **twins)
    for name in TWINS:
        trained = train_model(project, name, "s0").artifact
        evaluation = evaluate_model(project, name, trained.id, "s0", None).artifact
        assert deploy(project, name, trained.id, evaluation.id, "ada@shop.example", NOON) is not None
    champions = {name: champion(project, name) for name in TWINS}
    assert {name: version.model for name, version in champions.items()} == {name: name for name in TWINS}
    states = {name: project.store.get("trained_model", version.id).about for name, version in champions.items()}
    assert {name: about["model"] for name, about in states.items()} == {name: name for name in TWINS}
    assert states["twin_a"]["predictors"] == states["twin_c"]["predictors"]
    assert len({version.id for version in champions.values()}) == 3


def test_an_evaluation_that_somebody_embellished_is_not_believed(project):
    strict = _changed(project.root, 'auc: ">= 0.55"', 'auc: ">= 0.999"')
    trained = _train(strict)
    evaluation = _evaluate(strict, trained)
    about = {**evaluation.about, "figures": {**evaluation.about["figures"], "auc": 1.0}, "verdict": "deploy"}
    (strict.state / "store/manifests/evaluation" / f"{evaluation.id}.json").unlink()
    planted = strict.store.write("evaluation", evaluation.id, evaluation.key, about=about, inputs=evaluation.inputs)
    assert EvaluationManifest.of(planted).id_of(planted.inputs, {}) != planted.id
    with pytest.raises(ArtifactDamaged, match=r"evaluation .* is damaged"):
        _deploy(strict, trained, planted)


def test_a_predictor_that_is_damaged_does_not_become_champion(project):
    easy = _easy(project)
    trained = _train(easy)
    evaluation = _evaluate(easy, trained)
    stored = trained.objects["predictor/trees.txt"]
    path = easy.state / "store/objects" / stored.sha256[:2] / stored.sha256
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ArtifactDamaged):
        _deploy(easy, trained, evaluation)
    assert champion(easy, "late_parcel") is None


def test_twenty_threads_that_deploy_at_once_have_one_winner_at_each_step(project):
    easy = _easy(project)
    trained = [_train(easy, f"s{number}") for number in range(4)]
    current = None
    for step in range(3):
        candidates = [item for item in trained if item.id != current]
        evaluations = {item.id: _evaluate(easy, item, current, f"s{trained.index(item)}") for item in candidates}

        def attempt(number, candidates=candidates, evaluations=evaluations, step=step):
            item = candidates[number % len(candidates)]
            other_project = Project(easy.spec)  # as another process would, with its own connections
            try:
                return _deploy(other_project, item, evaluations[item.id], NOON + step * HOUR)
            except StaleEvaluation:
                return "refused"

        with ThreadPoolExecutor(20) as pool:
            lines = list(pool.map(attempt, range(20)))
        won = [line for line in lines if line not in (None, "refused")]
        assert len(won) == 1
        assert won[0].from_value == current
        current = champion(easy, "late_parcel").id
        assert won[0].to_value == current
    history = [line.to_value for line in ledger_lines(easy.database)]
    assert len(history) == 3
    assert len({version.number for version in versions(easy, "late_parcel")}) == len(versions(easy, "late_parcel"))


def test_versions_are_kept_by_model_and_number():
    assert [column.name for column in VERSIONS.primary_key] == ["model", "number"]


def test_a_champion_whose_version_was_edited_in_the_database_is_not_taken_for_none(project):
    easy = _easy(project)
    trained = _train(easy)
    _deploy(easy, trained, _evaluate(easy, trained))
    with easy.database.writing() as connection:
        connection.execute(sa.text("UPDATE versions SET id = :id"), {"id": "0" * 64})
    for at in (None, NOON + HOUR):
        with pytest.raises(
            LedgerDamaged, match=f"{trained.short_id} as champion of late_parcel, but no such version is registered"
        ):
            champion(easy, "late_parcel", at)
