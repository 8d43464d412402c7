"""Build the site of the documentation into build/site: ``python .ci/site.py ZENSICAL`` (part of ``make docs``).

Writes docs/llms.txt from the navigation, builds with every warning an error, keeps the records of decisions out of the
search, and checks what the builder does not: that pictures exist, and that no page loads anything from another host.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCS, SITE = ROOT / "docs", ROOT / "build/site"
LOADED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"?((?:https?:)?//[^\s\">]+)")
LINK_ONLY = re.compile(r"<link\b[^>]*rel=\"?(?:canonical|next|prev|edit)")


def pages(nav: Any) -> Iterator[str]:
    """Return the pages of a navigation, in order."""
    for item in nav if isinstance(nav, list) else nav.values():
        if isinstance(item, str):
            yield item
        else:
            yield from pages(item)


def write_llms(config: dict[str, Any]) -> None:
    """Write llms.txt: each page with its title and its first paragraph."""
    lines = [f"# {config['site_name']}", "", f"> {config['site_description']}", ""]
    for page in pages(config["nav"]):
        title, _, rest = (DOCS / page).read_text(encoding="utf-8").partition("\n")
        first = next(part for part in re.split(r"\n\s*\n", rest) if part.strip() and part.strip()[0] not in "*#|`<!")
        lines.append(f"- [{title.lstrip('# ')}]({page}): {' '.join(first.split())}")
    (DOCS / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def missing_pictures() -> Iterator[str]:
    """Return the pictures that pages show and that do not exist."""
    for page in sorted(DOCS.rglob("*.md")):
        for target in re.findall(r"!\[[^\]]*\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                yield f"{page.relative_to(ROOT)}: no picture {target}"


def search_pages_for_users() -> None:
    """Take the records of decisions out of the search: they would be its first answers about most subjects."""
    index = json.loads((SITE / "search.json").read_text(encoding="utf-8"))
    index["items"] = [item for item in index["items"] if not item["location"].startswith("decisions/")]
    (SITE / "search.json").write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")


def foreign_hosts() -> Iterator[str]:
    """Return what built pages load from other hosts."""
    for page in sorted(SITE.rglob("*.html")):
        text = LINK_ONLY.sub("", page.read_text(encoding="utf-8"))
        yield from (f"{page.relative_to(SITE)} loads {url}" for url in LOADED.findall(text))


def main(zensical: str) -> None:
    """Build the site, and stop with what is wrong."""
    write_llms(yaml.safe_load((ROOT / "mkdocs.yml").read_text()))
    rows = [*missing_pictures()]
    subprocess.run([zensical, "build", "--clean", "--strict", "-f", str(ROOT / "mkdocs.yml")], cwd=ROOT, check=True)
    search_pages_for_users()
    rows += foreign_hosts()
    print(*rows, sep="\n")
    sys.exit(bool(rows))


if __name__ == "__main__":
    main(sys.argv[1])
