"""What tests publish into online stores, and a publisher that is killed while it writes."""

import random
import signal
import subprocess
import sys
import time

from ml_platform.storage.online.description import Description
from ml_platform.storage.online.opened import open_online_store
from ml_platform.storage.online.store import Change

KEYS = [b"thing:int\0%d" % number for number in range(50)]


def described(generation):
    return Description(generation=generation, as_of=generation * 10, key=str(generation))


def write(store, generation, keys=KEYS, removals=()):
    """Publish records that say their generation."""
    writes = [(key, b"%d of %s" % (generation, key)) for key in keys]
    store.publish([Change(writes, removals)], described(generation))


def everything(view):
    return {
        bytes(key): None if value is None else bytes(value) for key, value in zip(KEYS, view.get(KEYS), strict=True)
    }


WRITER = """
import sys
from pathlib import Path
from ml_platform.storage.online.opened import open_online_store
from tests.storage.online.contents import write
url, folder, name = sys.argv[1:]
store = open_online_store(url or None, Path(folder), name)
with store.view() as view:
    generation = view.description.generation
print("ready", flush=True)
while True:
    generation += 1
    write(store, generation)
"""


def killed_writers(url, folder, name, kills, seed):
    """Kill publishers at random moments, and look after each what is there."""
    draw = random.Random(seed)
    opened = open_online_store(url or None, folder, name)
    generations = []
    for _ in range(kills):
        process = subprocess.Popen([sys.executable, "-c", WRITER, url, folder, name], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with opened.view() as view:
            number = view.description.generation
            all_rows = everything(view)
        if number:
            assert set(all_rows.values()) == {b"%d of %s" % (number, key) for key in KEYS}
        generations.append(number)
    opened.close()
    assert generations == sorted(generations)
    assert generations[-1] > 0
