"""Look at every kind of page in a browser, and keep pictures: ``python docs/pictures/gallery.py PROJECT``.

The project must have run. With two versions of a model there is a page that compares them. The exit code is 1 where a
page has a fault (`tests/page_faults.py`); each is named. Pictures go to ``docs/pictures/gallery``.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from ml_platform.audit.explain import explain  # noqa: E402
from ml_platform.audit.explain.render_html import page_of  # noqa: E402
from ml_platform.project import Project, open_project  # noqa: E402
from ml_platform.reporting.comparison.compare import compare_versions  # noqa: E402
from ml_platform.reporting.site.facts import card_facts, site_facts  # noqa: E402
from ml_platform.reporting.site.pages import card_page, comparison_page  # noqa: E402
from ml_platform.reporting.site.site import write_site  # noqa: E402
from ml_platform.storage.prediction_log import read_predictions  # noqa: E402
from ml_platform.storage.versions import versions  # noqa: E402
from tests.browser import chromium  # noqa: E402
from tests.page_faults import MODES, open_as, page_faults, take_picture  # noqa: E402

GALLERY = ROOT / "docs/pictures/gallery"
LONGEST, WIDTH, COLORS = 1800, 700, 256
"""How many pixels of the page are kept, how wide a picture of a screen is then, and how many colors it has."""


def write_pages(project: Project, folder: Path) -> Iterator[tuple[str, Path]]:
    """Write one page of each kind, and yield its name and its file."""
    now, spec = project.clock.now(), project.spec
    model = max(spec.models, key=lambda name: (len(versions(project, name)), bool(spec.models[name].value.actions)))
    facts = site_facts(project, now)
    yield "front", write_site(facts, folder / "site")
    yield "model", folder / f"site/models/{model}.html"
    yield "features", folder / f"site/features/{next(iter(spec.feature_tables))}.html"
    yield "source", folder / f"site/sources/{next(iter(spec.sources))}.html"
    every = versions(project, model)
    yield (
        "version",
        _write(folder / "version.html", card_page(card_facts(project, now, model, every[:2][-1].number), model)),
    )
    if len(every) > 1:
        yield (
            "comparison",
            _write(folder / "comparison.html", comparison_page(compare_versions(project, *every[:2], 10))),
        )
    first = now - spec.models[model].label.horizon - spec.models[model].monitoring.window
    settled = read_predictions(project, model, first, now, ["prediction_id", "score", "effective_time"])
    highest = settled.sort_values("score").iloc[-1]
    yield "explanation", _write(folder / "explanation.html", page_of(explain(project, highest["prediction_id"], now)))


def _write(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def shrink(file: Path) -> None:
    """Make a picture small enough for the repository: half as wide, with few colors."""
    with Image.open(file) as taken:
        width = min(WIDTH, taken.width)
        small = taken.convert("RGB").resize(
            (width, round(taken.height * width / taken.width)), Image.Resampling.LANCZOS
        )
    small.quantize(COLORS, kmeans=1, dither=Image.Dither.NONE).save(file, optimize=True)


def main(directory: str) -> int:
    """Look at every page in every mode and return the exit code."""
    project, faults, seen = open_project(Path(directory)), 0, 0
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for name, page in write_pages(project, Path(folder)):
            for mode in MODES:
                open_as(browser, page.as_uri(), mode)
                found = page_faults(browser)
                picture = GALLERY / f"{name}-{mode}.png"
                take_picture(browser, picture, LONGEST)
                shrink(picture)
                seen, faults = seen + 1, faults + len(found)
                print(f"{name} {mode}: {'no fault' if not found else f'{len(found)} faults'}")
                for fault in found:
                    print(f"  {fault}")
    print(f"{seen} pages, {faults} faults, pictures in {GALLERY.relative_to(ROOT)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
