"""Kill publishers at random moments, hundreds of times: ``python -m tests.storage.online.prove_kills [KILLS]``."""

import sys
import tempfile
from pathlib import Path

from tests.storage.online.contents import killed_writers
from tests.storage.online.servers import redis_server


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder, redis_server() as url:
        for name, address in (("lmdb", ""), ("redis", url)):
            killed_writers(address, Path(folder), f"prove_{name}", kills, 7)
            print(f"{name}: {kills} publishers killed, one whole content after each")


if __name__ == "__main__":
    main()
