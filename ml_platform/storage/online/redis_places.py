"""Places of a limited action, counted on the Redis server of the online store, for several machines that serve."""

from __future__ import annotations

from ml_platform.storage.online.places import Choose, Taker
from ml_platform.storage.online.redis_server import RedisServer

_SECONDS = 3 * 24 * 60 * 60
"""How long a count is kept after its last place was taken: longer than its day lasts in any time zone."""
_TAKE = """
local mine = redis.call('HGET', KEYS[1], ARGV[1]) or '0'
local others = redis.call('HGET', KEYS[1], ARGV[2]) or '0'
if mine ~= ARGV[3] or others ~= ARGV[4] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[6])
return 1
"""
"""Changes the count of one taker where both counts are as it read them."""


class RedisPlaces:
    """Counts for all machines that use one server."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    def take(self, model: str, day: str, taker: Taker, choose: Choose) -> None:
        """Change the count, and choose again where another process changed one in between."""
        key, other = f"{self._server.prefix}places:{model}:{day}", "batch" if taker == "service" else "service"
        with self._server.answering() as client:
            taken = False
            while not taken:
                mine, others = (int(count or 0) for count in client.hmget(key, [taker, other]))
                after = choose(mine, others)
                if after == mine:
                    return
                taken = bool(client.eval(_TAKE, 1, key, taker, other, mine, others, after, _SECONDS))
