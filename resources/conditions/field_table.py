"""The fields of libsinsp, by the releases of Falco that have them and by the type of their values.

From libs 0.20 to 0.25, which are those of Falco 0.40 to 0.44. After a name: `!` the field is
compared with no other field; `~` no transformer takes it; `*` sources of plugins have it too; `+`
it is a list.
"""

from __future__ import annotations

# By the first release, the last one, and the type. `now` is the newest release of the table.
FIELDS = {
    ("0.40", "now", "ABSTIME"): """
evt.rawtime* evt.rawtime.ns* evt.rawtime.s* proc.exe_ino.ctime
proc.exe_ino.ctime_duration_pidns_start proc.exe_ino.ctime_duration_proc_start
proc.exe_ino.mtime
""",
    ("0.40", "now", "BOOL"): """
evt.failed evt.is_async* evt.is_io evt.is_io_read evt.is_io_write evt.is_open_create
evt.is_open_exec evt.is_open_read evt.is_open_write evt.is_syslog evt.is_wait fd.connected
fd.is_lower_layer fd.is_server fd.is_upper_layer fd.name_changed proc.is_exe_from_memfd
proc.is_exe_lower_layer proc.is_exe_upper_layer proc.is_exe_writable proc.is_pgid_leader
proc.is_sid_leader proc.is_vpgid_leader thread.ismain
""",
    ("0.40", "now", "BYTEBUF"): """
evt.buffer
""",
    ("0.40", "now", "CHARBUF"): """
evt.abspath evt.arg evt.args evt.asynctype* evt.category evt.datetime* evt.datetime.s* evt.dir
evt.hostname* evt.info evt.infra.docker.container.id evt.infra.docker.container.image
evt.infra.docker.container.name evt.infra.docker.name evt.io_dir evt.latency.human
evt.outputtime evt.plugininfo* evt.pluginname* evt.res evt.source* evt.time* evt.time.iso8601*
evt.time.s* evt.type fd.cip.name!~ fd.containerdirectory fd.containername fd.cproto fd.directory
fd.filename fd.l4proto fd.lip.name!~ fd.lproto fd.name fd.nameraw fd.rip.name!~ fd.rproto
fd.sip.name!~ fd.sockfamily fd.sproto fd.type fd.typechar fd.types!+ fd.uid fdlist.cips
fdlist.cports fdlist.names fdlist.nums fdlist.sips fdlist.sports fs.path.name fs.path.nameraw
fs.path.source fs.path.sourceraw fs.path.target fs.path.targetraw group.name proc.acmdline!~
proc.aenv!~ proc.aexe!~ proc.aexepath!~ proc.aname!~ proc.args proc.cmdline proc.cwd proc.env
proc.exe proc.exeline proc.exepath proc.name proc.pcmdline proc.pexe proc.pexepath proc.pgid.exe
proc.pgid.exepath proc.pgid.name proc.pname proc.sid.exe proc.sid.exepath proc.sname
proc.stderr.name proc.stderr.type proc.stdin.name proc.stdin.type proc.stdout.name
proc.stdout.type proc.vpgid.exe proc.vpgid.exepath proc.vpgid.name syscall.type
thread.cap_effective thread.cap_inheritable thread.cap_permitted thread.cgroup thread.cgroups
thread.nametid user.homedir user.loginname user.name user.shell
""",
    ("0.40", "now", "DOUBLE"): """
proc.fdusage thread.cpu thread.cpu.system thread.cpu.user
""",
    ("0.40", "now", "DYN"): """
evt.rawarg!~
""",
    ("0.40", "now", "INT16"): """
evt.cpu
""",
    ("0.40", "now", "INT32"): """
fd.dev fd.dev.major fd.dev.minor
""",
    ("0.40", "now", "INT64"): """
evt.rawres fd.ino fd.num proc.apid!~ proc.exe_ino proc.fdlimit proc.loginshellid proc.pgid
proc.pid proc.ppid proc.pvpid proc.sid proc.vpgid proc.vpid thread.tid thread.vtid user.loginuid
""",
    ("0.40", "now", "IPADDR"): """
fd.cip fd.ip!~ fd.lip fd.rip fd.sip
""",
    ("0.40", "now", "IPNET"): """
fd.cnet!~ fd.lnet!~ fd.net!~ fd.rnet!~ fd.snet!~
""",
    ("0.40", "now", "PORT"): """
fd.cport fd.lport fd.port!~ fd.proto!~ fd.rport fd.sport
""",
    ("0.40", "now", "RELTIME"): """
evt.deltatime evt.deltatime.ns evt.deltatime.s evt.latency evt.latency.ns evt.latency.s
evt.reltime* evt.reltime.ns* evt.reltime.s* evt.wait_latency proc.duration proc.pid.ts
proc.ppid.duration proc.ppid.ts thread.exectime thread.totexectime
""",
    ("0.40", "now", "UINT32"): """
evt.count evt.count.error evt.count.error.file evt.count.error.memory evt.count.error.net
evt.count.error.other evt.count.exit evt.count.procinfo evt.count.threadinfo evt.type.is
group.gid proc.tty user.uid
""",
    ("0.40", "now", "UINT64"): """
evt.around!~ evt.buflen evt.buflen.file evt.buflen.file.in evt.buflen.file.out evt.buflen.in
evt.buflen.net evt.buflen.net.in evt.buflen.net.out evt.buflen.out evt.latency.quantized
evt.num* proc.cmdlenargs proc.cmdnargs proc.fdopencount proc.nchilds proc.nthreads
proc.pidns_init_start_ts proc.vmrss proc.vmsize proc.vmswap thread.pfmajor thread.pfminor
thread.vmrss thread.vmrss.b thread.vmsize thread.vmsize.b util.cnt
""",
    ("0.40", "0.41", "CHARBUF"): """
evtin.span.arg evtin.span.args evtin.span.m.arg evtin.span.m.args evtin.span.m.tag
evtin.span.m.tags evtin.span.p.arg evtin.span.p.args evtin.span.p.tag evtin.span.p.tags
evtin.span.s.arg evtin.span.s.args evtin.span.s.tag evtin.span.s.tags evtin.span.tag
evtin.span.tags marathon.app.id marathon.app.label marathon.app.labels marathon.app.name
marathon.group.id marathon.group.name mesos.framework.id mesos.framework.name mesos.task.id
mesos.task.label mesos.task.labels mesos.task.name span.arg span.args span.duration.human
span.enterarg span.enterargs span.rawparenttime span.rawtime span.tag span.tags span.time
""",
    ("0.40", "0.41", "INT64"): """
evtin.span.id evtin.span.m.id evtin.span.p.id evtin.span.s.id span.id
""",
    ("0.40", "0.41", "RELTIME"): """
span.duration
""",
    ("0.40", "0.41", "UINT32"): """
evtin.span.m.nargs evtin.span.m.ntags evtin.span.nargs evtin.span.ntags evtin.span.p.nargs
evtin.span.p.ntags evtin.span.s.nargs evtin.span.s.ntags span.nargs span.ntags
""",
    ("0.40", "0.41", "UINT64"): """
span.count span.duration.quantized
""",
    ("0.40", "0.40", "BOOL"): """
container.host_ipc container.host_network container.host_pid container.privileged
proc.is_container_healthcheck proc.is_container_liveness_probe proc.is_container_readiness_probe
""",
    ("0.40", "0.40", "CHARBUF"): """
container.cni.json container.full_id container.healthcheck container.id container.image
container.image.digest container.image.id container.image.repository container.image.tag
container.ip container.liveness_probe container.mount container.mount.dest container.mount.mode
container.mount.propagation container.mount.rdwr container.mount.source container.mounts
container.name container.readiness_probe container.type k8s.deployment.id k8s.deployment.label
k8s.deployment.labels k8s.deployment.name k8s.ns.id k8s.ns.label k8s.ns.labels k8s.ns.name
k8s.pod.cni.json k8s.pod.full_sandbox_id k8s.pod.id k8s.pod.ip k8s.pod.label k8s.pod.labels
k8s.pod.name k8s.pod.sandbox_id k8s.pod.uid k8s.rc.id k8s.rc.label k8s.rc.labels k8s.rc.name
k8s.rs.id k8s.rs.label k8s.rs.labels k8s.rs.name k8s.svc.id k8s.svc.label k8s.svc.labels
k8s.svc.name syslog.facility.str syslog.message syslog.severity.str
""",
    ("0.40", "0.40", "RELTIME"): """
container.duration
""",
    ("0.40", "0.40", "UINT32"): """
syslog.facility syslog.severity
""",
    ("0.40", "0.40", "UINT64"): """
container.start_ts
""",
    ("0.41", "now", "CHARBUF"): """
proc.aargs
""",
}
