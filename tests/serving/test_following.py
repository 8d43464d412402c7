"""A worker follows the champion also after a look that failed: it never keeps an earlier version unnoticed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ml_platform.core.errors import PlatformError
from ml_platform.operations.alerts import recent_alerts
from ml_platform.registry.champion import champion
from ml_platform.registry.rollback import roll_back
from ml_platform.serving import worker
from ml_platform.serving.followed_models import FollowedModels
from ml_platform.serving.thread_priority import LoadingThreads
from ml_platform.serving.trial import try_out
from ml_platform.serving.worker import Background
from tests.serving.world import ServedWorld, served_world

MODEL = "yes"


@pytest.fixture
def world(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> ServedWorld:
    return served_world(tmp_path, monkeypatch, [MODEL])


def number(models: FollowedModels) -> int:
    serving = models.models[MODEL].serving
    assert serving is not None
    return serving.version.number


def test_a_champion_whose_history_could_not_be_read_is_followed_at_the_next_look(
    world: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = FollowedModels.begin(world.project)
    world.deploy(MODEL, seed=1)

    def unreachable(*_: object) -> Any:
        raise PlatformError("the database cannot be reached")

    with monkeypatch.context() as patch:
        patch.setattr("ml_platform.serving.followed_models.ref_history", unreachable)
        with pytest.raises(PlatformError):
            models.look()
    assert number(models) == 1
    models.look()
    assert number(models) == 2


def test_a_library_that_fails_to_load_a_version_leaves_the_one_before_it_serving_and_alerts_once_a_move(
    world: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = FollowedModels.begin(world.project)
    second = world.deploy(MODEL, seed=1)

    def broken(served: Any) -> None:
        if served.version.id == second.id:
            raise KeyError("leaf_value")
        try_out(served)

    monkeypatch.setattr("ml_platform.serving.followed_models.try_out", broken)
    models.look()
    models.look()
    assert number(models) == 1
    assert models.models[MODEL].problem == f"{second} cannot be served: KeyError: 'leaf_value'"
    assert len(recent_alerts(world.project)) == 1
    now = world.project.clock.now()
    first = roll_back(world.project, MODEL, to=None, actor="test", reason="it cannot be served", now=now)
    models.look()
    assert (number(models), models.models[MODEL].problem) == (1, "")
    roll_back(world.project, MODEL, to=second, actor="test", reason="it was corrected", now=now)
    models.look()
    assert first is not None
    assert champion(world.project, MODEL) == second
    assert len(recent_alerts(world.project)) == 2  # the same version fails for the second time


class _Failing:
    """A service whose first looks fail in ways that no rule names."""

    def __init__(self) -> None:
        self.looks = 0

    def look(self) -> list[Any]:
        self.looks += 1
        if self.looks < 3:
            raise MemoryError("no room")
        return []

    def rotate_log(self) -> None:
        if self.looks == 3:
            raise OSError("no space left")

    def write_counts(self) -> None:
        pass


def test_following_survives_every_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK_EVERY", 0.001)
    service: Any = _Failing()

    class _Metrics:
        def publish(self) -> None:
            pass

    async def follow() -> None:
        background = Background(service, _Metrics(), None, None)  # type: ignore[arg-type]
        loading = LoadingThreads()
        task = asyncio.create_task(background._follow(loading))
        while service.looks < 6 and not task.done():
            await asyncio.sleep(0.001)
        assert not task.done()
        task.cancel()
        loading.close()

    asyncio.run(asyncio.wait_for(follow(), 30))
    assert service.looks >= 6
