"""falcosidekick-ui: shows Falco's alerts, which it stores in a Redis that the user provides."""

from __future__ import annotations

from resources.component.type import ComponentType
from resources.instance.workload import Port, http_probe

# The address is set only here; arguments and command read it from the environment.
_ADDRESS = {"name": "REDIS_ADDR", "value": "falcosidekick-ui-redis:6379"}

# Redis is ready once it answers PONG, or NOAUTH if it has a password; while it loads, it says so.
_WAIT = """\
host="${REDIS_ADDR%:*}" port="${REDIS_ADDR##*:}"
host="${host#[}" host="${host%]}"
until timeout 5 redis-cli -h "$host" -p "$port" ping 2>&1 | grep -Eq '^(PONG|NOAUTH)'; do
  echo "waiting for Redis at $REDIS_ADDR"
  sleep 2
done
"""

_HEALTH = http_probe("/api/v1/healthz", "http", delay=10, period=5)

TYPE = ComponentType(
    name="falcosidekick-ui",
    image="docker.io/falcosecurity/falcosidekick-ui",
    version="2.2.0",
    replicas=2,
    ports=(Port("http", 2802),),
    container={
        "args": ["-r", "$(REDIS_ADDR)"],
        "env": [_ADDRESS],
        "livenessProbe": _HEALTH,
        "readinessProbe": _HEALTH,
    },
    pod={
        "securityContext": {"runAsUser": 1234, "runAsGroup": 1234, "fsGroup": 1234},
        "initContainers": [
            {
                "name": "wait-redis",
                "image": "docker.io/redis/redis-stack:7.2.0-v11",
                "command": ["sh", "-c"],
                "args": [_WAIT],
                "env": [_ADDRESS],
            }
        ],
    },
    # The program reads the second itself, but our argument would win over it.
    shared_env={"REDIS_ADDR": "FALCOSIDEKICK_UI_REDIS_URL"},
)
