"""The keys of falco.yaml, and the type of value that Falco expects for each.

From Falco's config_json_schema.h and falco.yaml, as of 0.44. Falco itself only warns of other keys
and types.
"""

from __future__ import annotations

from typing import Final, TypeAlias

FLAG: Final = "true or false"
WHOLE: Final = "a whole number"
NUMBER: Final = "a number"
TEXT: Final = "text"
LIST: Final = "a list"
MAP: Final = "a map"

Expected: TypeAlias = "str | dict[str, Expected]"

_ENABLED: dict[str, Expected] = {"enabled": FLAG}
_DRIVER: dict[str, Expected] = {"buf_size_preset": WHOLE, "drop_failed_exit": FLAG}

KEYS: dict[str, Expected] = {
    "append_output": LIST,
    "base_syscalls": {"custom_set": LIST, "repair": FLAG, "all": FLAG},
    "buffer_format_base64": FLAG,
    "buffered_outputs": FLAG,
    "capture": {
        "enabled": FLAG,
        "path_prefix": TEXT,
        "mode": TEXT,
        "default_duration": WHOLE,
        "max_file_size_mb": WHOLE,
    },
    "config_files": LIST,
    "engine": {
        "kind": TEXT,
        "kmod": _DRIVER,
        "modern_ebpf": {**_DRIVER, "cpus_for_each_buffer": WHOLE, "disable_iterators": FLAG},
        "replay": {"capture_file": TEXT},
    },
    "falco_libs": {
        "thread_table_size": WHOLE,
        "thread_table_auto_purging_interval_s": WHOLE,
        "thread_table_auto_purging_thread_timeout_s": WHOLE,
        "snaplen": WHOLE,
    },
    "file_output": {**_ENABLED, "keep_alive": FLAG, "filename": TEXT},
    "http_output": {
        **_ENABLED,
        "url": TEXT,
        "user_agent": TEXT,
        "insecure": FLAG,
        "ca_cert": TEXT,
        "ca_bundle": TEXT,
        "ca_path": TEXT,
        "mtls": FLAG,
        "client_cert": TEXT,
        "client_key": TEXT,
        "echo": FLAG,
        "compress_uploads": FLAG,
        "keep_alive": FLAG,
        "max_consecutive_timeouts": WHOLE,
    },
    "json_include_message_property": FLAG,
    "json_include_output_fields_property": FLAG,
    "json_include_output_property": FLAG,
    "json_include_tags_property": FLAG,
    "json_output": FLAG,
    "libs_logger": {**_ENABLED, "severity": TEXT},
    "load_plugins": LIST,
    "log_level": TEXT,
    "log_stderr": FLAG,
    "log_syslog": FLAG,
    "metrics": {
        **_ENABLED,
        "interval": TEXT,
        "output_rule": FLAG,
        "output_file": TEXT,
        "rules_counters_enabled": FLAG,
        "resource_utilization_enabled": FLAG,
        "state_counters_enabled": FLAG,
        "kernel_event_counters_enabled": FLAG,
        "kernel_event_counters_per_cpu_enabled": FLAG,
        "kernel_iter_event_counters_enabled": FLAG,
        "libbpf_stats_enabled": FLAG,
        "plugins_metrics_enabled": FLAG,
        "jemalloc_stats_enabled": FLAG,
        "convert_memory_to_mb": FLAG,
        "include_empty_values": FLAG,
    },
    "output_timeout": WHOLE,
    "outputs_queue": {"capacity": WHOLE},
    "plugins": LIST,
    "plugins_hostinfo": FLAG,
    "priority": TEXT,
    "program_output": {**_ENABLED, "keep_alive": FLAG, "program": TEXT},
    "rule_matching": TEXT,
    "rules": LIST,
    "rules_file": LIST,
    "rules_files": LIST,
    "static_fields": MAP,
    "stdout_output": _ENABLED,
    "syscall_event_drops": {
        "threshold": NUMBER,
        "actions": LIST,
        "rate": NUMBER,
        "max_burst": NUMBER,
        "simulate_drops": FLAG,
    },
    "syscall_event_timeouts": {"max_consecutives": WHOLE},
    "syslog_output": _ENABLED,
    "time_format_iso_8601": FLAG,
    "watch_config_files": FLAG,
    "webserver": {
        **_ENABLED,
        "threadiness": WHOLE,
        "listen_port": WHOLE,
        "listen_address": TEXT,
        "k8s_healthz_endpoint": TEXT,
        "prometheus_metrics_enabled": FLAG,
        "ssl_enabled": FLAG,
        "ssl_certificate": TEXT,
    },
}

# Removed keys, and the first release without each.
GONE = {"container_engines": (0, 41), "grpc": (0, 44), "grpc_output": (0, 44)}

ENGINE_KINDS = ("kmod", "modern_ebpf", "nodriver", "replay")
# Removed engines, and the first release without each.
GONE_ENGINE_KINDS = {"ebpf": (0, 44), "gvisor": (0, 44)}
