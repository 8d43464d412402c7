"""The declarations in docs/features.md are a project, and it is valid as it stands there."""

import re
from pathlib import Path

from ml_platform.declarations.load.load import load_project

PAGE = Path(__file__).parents[1] / "docs" / "features.md"


def test_the_declarations_of_the_page_on_features_are_valid(tmp_path):
    blocks = re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for name, text in blocks:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    spec = load_project(tmp_path, {"TICKETS_URL": "postgresql://nowhere/tickets"})
    assert len(blocks) == 9
    assert set(spec.feature_tables) == {"airport_now", "aircraft_now", "desk_sales"}
    assert spec.file.connections == {"tickets_db": "postgresql://nowhere/tickets"}
