"""The keys of falco.yaml: type and range of each value, and the releases of Falco that know it.

From Falco's config_json_schema.h, configuration.cpp and configuration.h, 0.38 to 0.44. A key that
an earlier release knew already has no `since`.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from resources.rules.item_reader import PRIORITIES

Release: TypeAlias = "tuple[int, int]"

FLAG: Final = "true or false"
WHOLE: Final = "a whole number"
NUMBER: Final = "a number"
TEXT: Final = "text"
LIST: Final = "a list"
MAP: Final = "a map"


class Scalar(NamedTuple):
    """A value that is no list and no map.

    Falco does not start with a text that is not in `allowed`, or with a number out of `between`. It
    ignores a value of another type, and a whole number that does not fit into the type of C++ that
    `fits` gives the range of. It warns of a number out of `expected`.
    """

    type: str
    since: Release = (0, 0)
    gone: Release | None = None
    allowed: tuple[str, ...] = ()
    any_case: bool = False
    between: tuple[float, float] | None = None
    fits: tuple[int, int] | None = None
    expected: tuple[int, int] | None = None


class Items(NamedTuple):
    """A list; files add to it. Falco does not start with an item that is no `item`."""

    item: Expected
    since: Release = (0, 0)
    gone: Release | None = None


class Keys(NamedTuple):
    """A map; a file replaces it. Falco does not start with a text where it reads `keys`.

    `any_key`: the keys are the user's, and each has a text. `is_read`: Falco always reads the keys,
    whatever else is configured.
    `in_schema`: the schema of Falco has the key, even if nothing reads it any more.
    """

    keys: dict[str, Expected]
    since: Release = (0, 0)
    gone: Release | None = None
    any_key: bool = False
    is_read: bool = True
    needs: tuple[str, ...] = ()
    in_schema: bool = False


Expected: TypeAlias = "Scalar | Items | Keys"

ENGINE_KINDS = ("kmod", "modern_ebpf", "nodriver", "replay")
# Removed engines, and the first release without each.
GONE_ENGINE_KINDS = {"ebpf": (0, 44), "gvisor": (0, 44)}
DROP_ACTIONS = ("ignore", "log", "alert", "exit")
_LOG_LEVELS = tuple(level for level in PRIORITIES if level != "informational")
SEVERITIES = ("fatal", "critical", "error", "warning", "notice", "info", "debug", "trace")
_U8 = (0, 2**8 - 1)
_I16 = (-(2**15), 2**15 - 1)
_U16 = (0, 2**16 - 1)
_U32 = (0, 2**32 - 1)
_U64 = (0, 2**64 - 1)

_FLAG = Scalar(FLAG)
_TEXT = Scalar(TEXT)
_ENABLED: dict[str, Expected] = {"enabled": _FLAG}
_PRESET = Scalar(WHOLE, fits=_I16)
_DRIVER: dict[str, Expected] = {"buf_size_preset": _PRESET, "drop_failed_exit": _FLAG}
_CONTAINER_ENGINE = Keys(_ENABLED, is_read=False, in_schema=True)
_SELECTION = Keys({"rule": _TEXT, "tag": _TEXT})

KEYS: dict[str, Expected] = {
    "append_output": Items(
        Keys(
            {
                "match": Keys({"source": _TEXT, "tags": Items(_TEXT), "rule": _TEXT}),
                "extra_output": _TEXT,
                "extra_fields": Items(_TEXT),
                "suggested_output": Scalar(FLAG, since=(0, 40)),
            }
        ),
        since=(0, 39),
    ),
    "base_syscalls": Keys(
        {"custom_set": Items(_TEXT), "repair": _FLAG, "all": Scalar(FLAG, since=(0, 40))}
    ),
    "buffer_format_base64": Scalar(FLAG, since=(0, 40)),
    "buffered_outputs": _FLAG,
    "capture": Keys(
        {
            "enabled": _FLAG,
            "path_prefix": _TEXT,
            "mode": Scalar(TEXT, allowed=("rules", "all_rules")),
            "default_duration": Scalar(WHOLE, fits=_U32),
            "max_file_size_mb": Scalar(WHOLE, since=(0, 44), fits=_U64, expected=(0, 2**20)),
        },
        since=(0, 42),
    ),
    "config_files": Items(_TEXT),
    "container_engines": Keys(
        {
            "docker": _CONTAINER_ENGINE,
            "cri": Keys(
                {**_ENABLED, "sockets": Items(_TEXT), "disable_async": _FLAG},
                is_read=False,
                in_schema=True,
            ),
            "podman": _CONTAINER_ENGINE,
            "lxc": _CONTAINER_ENGINE,
            "libvirt_lxc": _CONTAINER_ENGINE,
            "bpm": _CONTAINER_ENGINE,
        },
        since=(0, 39),
        gone=(0, 41),
        is_read=False,
        in_schema=True,
    ),
    "engine": Keys(
        {
            "kind": _TEXT,
            "kmod": Keys(_DRIVER, is_read=False),
            "ebpf": Keys({"probe": _TEXT, **_DRIVER}, gone=(0, 44), is_read=False),
            "modern_ebpf": Keys(
                {
                    **_DRIVER,
                    "cpus_for_each_buffer": Scalar(WHOLE, fits=_U16),
                    "disable_iterators": Scalar(FLAG, since=(0, 44)),
                },
                is_read=False,
            ),
            "replay": Keys({"capture_file": _TEXT}, is_read=False, needs=("capture_file",)),
            "gvisor": Keys({"config": _TEXT, "root": _TEXT}, gone=(0, 44), is_read=False),
        },
        needs=("kind",),
    ),
    "falco_libs": Keys(
        {
            "thread_table_size": Scalar(WHOLE, fits=_U32),
            "thread_table_auto_purging_interval_s": Scalar(WHOLE, since=(0, 42), fits=_U32),
            "thread_table_auto_purging_thread_timeout_s": Scalar(WHOLE, since=(0, 42), fits=_U32),
            "snaplen": Scalar(WHOLE, since=(0, 40), fits=_U64),
        }
    ),
    "file_output": Keys({**_ENABLED, "keep_alive": _FLAG, "filename": _TEXT}),
    "grpc": Keys({}, gone=(0, 44), is_read=False),
    "grpc_output": Keys(_ENABLED, gone=(0, 44)),
    "http_output": Keys(
        {
            **_ENABLED,
            "url": _TEXT,
            "user_agent": _TEXT,
            "insecure": _FLAG,
            "ca_cert": _TEXT,
            "ca_bundle": _TEXT,
            "ca_path": _TEXT,
            "mtls": _FLAG,
            "client_cert": _TEXT,
            "client_key": _TEXT,
            "echo": _FLAG,
            "compress_uploads": _FLAG,
            "keep_alive": _FLAG,
            "max_consecutive_timeouts": Scalar(WHOLE, since=(0, 41), fits=_U8),
        }
    ),
    "json_include_message_property": Scalar(FLAG, since=(0, 39)),
    "json_include_output_fields_property": Scalar(FLAG, since=(0, 41)),
    "json_include_output_property": _FLAG,
    "json_include_tags_property": _FLAG,
    "json_output": _FLAG,
    "libs_logger": Keys({**_ENABLED, "severity": _TEXT}),
    "load_plugins": Items(_TEXT),
    "log_level": Scalar(TEXT, allowed=_LOG_LEVELS),
    "log_stderr": _FLAG,
    "log_syslog": _FLAG,
    "metrics": Keys(
        {
            **_ENABLED,
            "interval": _TEXT,
            "output_rule": _FLAG,
            "output_file": _TEXT,
            "rules_counters_enabled": _FLAG,
            "resource_utilization_enabled": _FLAG,
            "state_counters_enabled": _FLAG,
            "kernel_event_counters_enabled": _FLAG,
            "kernel_event_counters_per_cpu_enabled": Scalar(FLAG, since=(0, 39)),
            "kernel_iter_event_counters_enabled": Scalar(FLAG, since=(0, 44)),
            "libbpf_stats_enabled": _FLAG,
            "plugins_metrics_enabled": _FLAG,
            "jemalloc_stats_enabled": Scalar(FLAG, since=(0, 40)),
            "convert_memory_to_mb": _FLAG,
            "include_empty_values": _FLAG,
        }
    ),
    "output_timeout": Scalar(WHOLE, fits=_U32),
    "outputs_queue": Keys({"capacity": Scalar(WHOLE, fits=_U64)}),
    "plugins": Items(
        Keys(
            {
                "name": _TEXT,
                "library_path": _TEXT,
                "init_config": Keys({}, any_key=True),
                "open_params": _TEXT,
            },
            needs=("name", "library_path"),
        )
    ),
    "plugins_hostinfo": Scalar(FLAG, since=(0, 40)),
    "priority": Scalar(TEXT, allowed=PRIORITIES, any_case=True),
    "program_output": Keys({**_ENABLED, "keep_alive": _FLAG, "program": _TEXT}, needs=("program",)),
    "rule_matching": Scalar(TEXT, allowed=("first", "all"), any_case=True),
    "rules": Items(Keys({"enable": _SELECTION, "disable": _SELECTION}), since=(0, 38)),
    "rules_file": Items(_TEXT),
    "rules_files": Items(_TEXT, since=(0, 38)),
    "static_fields": Keys({}, since=(0, 42), any_key=True, is_read=False),
    "stdout_output": Keys(_ENABLED),
    "syscall_event_drops": Keys(
        {
            "threshold": Scalar(NUMBER, between=(0, 1)),
            "actions": Items(Scalar(TEXT, allowed=DROP_ACTIONS)),
            "rate": Scalar(NUMBER),
            "max_burst": Scalar(NUMBER),
            "simulate_drops": _FLAG,
        }
    ),
    "syscall_event_timeouts": Keys(
        {"max_consecutives": Scalar(WHOLE, fits=_U32, between=(1, 2**32 - 1))}
    ),
    "syslog_output": Keys(_ENABLED),
    "time_format_iso_8601": _FLAG,
    "watch_config_files": _FLAG,
    "webserver": Keys(
        {
            **_ENABLED,
            "threadiness": Scalar(WHOLE, fits=_U32),
            "listen_port": Scalar(WHOLE, fits=_U32),
            "listen_address": _TEXT,
            "k8s_healthz_endpoint": _TEXT,
            "prometheus_metrics_enabled": Scalar(FLAG, since=(0, 38)),
            "ssl_enabled": _FLAG,
            "ssl_certificate": _TEXT,
        }
    ),
}
