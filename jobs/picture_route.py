"""Pictures of the store below ``/pages/pictures``: nothing is copied, so retention and erasure need no second place."""

import re
from collections.abc import Callable
from functools import cache

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing, PlatformError
from ml_platform.project import Project
from ml_platform_dagster.assets.plots import KIND, PICTURES

_ID = re.compile(r"[0-9a-f]{64}")
_PNG = b"\x89PNG"


def picture_route(open_project: Callable[[], Project]) -> Route:
    """Return the route that answers with a picture, its bytes checked against their hash.

    Parameters
    ----------
    open_project
        Called at the first picture.
    """
    project = cache(open_project)

    def picture(request: Request) -> Response:
        id, name = request.path_params["id"], request.path_params["name"].rpartition(".")[0]
        if not _ID.fullmatch(id):
            return PlainTextResponse("no such picture", 404)
        try:
            store = project().store.read_only()
            content = store.read(store.get(KIND, id).objects[name])
        except (KeyError, ArtifactMissing, ArtifactDamaged):
            return PlainTextResponse("no such picture: it was removed, or is damaged (ml-platform verify)", 404)
        except PlatformError as error:
            return PlainTextResponse(str(error), 503)
        return Response(content, media_type="image/png" if content.startswith(_PNG) else "image/svg+xml")

    return Route(f"{PICTURES}/{{id}}/{{name}}", picture, methods=["GET"])
