"""The names of events, of system calls, and of what they come with, by the release that added them.

From libs 0.20 to 0.25, which are those of Falco 0.40 to 0.44; no release has removed one.
"""

from __future__ import annotations

EVENTS = {
    "0.40": """
NA asyncevent container cpu_hotplug drop groupadded groupdeleted infra k8s llseek mesos
notification page_fault pluginevent pread prlimit procexit procinfo pwrite scapevent
signaldeliver switch syscall tracer useradded userdeleted
""",
    "0.44": """
task task_file_anon_inode task_file_directory task_file_memfd task_file_pipe task_file_regular
task_file_socket_inet task_file_socket_inet6 task_file_socket_netlink task_file_socket_unix
""",
}

SYSTEM_CALLS = {
    "0.40": """
_llseek _newselect _sysctl accept accept4 access acct add_key adjtimex alarm arch_prctl bdflush
bind bpf brk cachestat capget capset chdir chmod chown chroot clock_adjtime clock_getres
clock_gettime clock_nanosleep clock_settime clone clone3 close close_range connect
copy_file_range creat create_module delete_module dup dup2 dup3 epoll_create epoll_create1
epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2
execve execveat exit exit_group faccessat faccessat2 fadvise64 fallocate fanotify_init
fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fcntl64 fdatasync fgetxattr
finit_module flistxattr flock fork fremovexattr fsconfig fsetxattr fsmount fsopen fspick fstat
fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate futex futex_requeue futex_wait futex_waitv
futex_wake futimesat get_kernel_syms get_mempolicy get_robust_list get_thread_area getcpu getcwd
getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getitimer
getpeername getpgid getpgrp getpid getpmsg getppid getpriority getrandom getresgid getresgid32
getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday
getuid getuid32 getxattr getxattrat idle init_module inotify_add_watch inotify_init
inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup
io_submit io_uring_enter io_uring_register io_uring_setup ioctl ioperm iopl ioprio_get
ioprio_set ipc kcmp kexec_file_load kexec_load keyctl kill landlock_add_rule
landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listmount
listxattr listxattrat llistxattr lookup_dcookie lremovexattr lseek lsetxattr lsm_get_self_attr
lsm_list_modules lsm_set_self_attr lstat lstat64 madvise map_shadow_stack mbind membarrier
memfd_create memfd_secret migrate_pages mincore mkdir mkdirat mknod mknodat mlock mlock2
mlockall mmap mmap2 modify_ldt mount mount_setattr move_mount move_pages mprotect mq_getsetattr
mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap mseal msgctl msgget msgrcv
msgsnd msync multiplexer munlock munlockall munmap na_1 name name_to_handle_at nanosleep
newfstatat nfsservctl nice oldfstat oldlstat oldolduname oldstat olduname open open_by_handle_at
open_tree openat openat2 page_fault_kernel page_fault_user pause pciconfig_iobase pciconfig_read
pciconfig_write perf_event_open personality pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2
pivot_root pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64
process_madvise process_mrelease process_vm_readv process_vm_writev pselect6 ptrace pwrite64
pwritev pwritev2 query_module quotactl quotactl_fd read readahead readdir readlink readlinkat
readv reboot recv recvfrom recvmmsg recvmsg remap_file_pages removexattr removexattrat rename
renameat renameat2 request_key restart_syscall riscv_flush_icache riscv_hwprobe rmdir rseq
rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
rt_sigtimedwait rt_tgsigqueueinfo rtas s390_guarded_storage s390_pci_mmio_read
s390_pci_mmio_write s390_runtime_instr s390_sthyi sched_get_priority_max sched_get_priority_min
sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_process_exit
sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
sched_switch sched_yield seccomp select semctl semget semop semtimedop send sendfile sendfile64
sendmmsg sendmsg sendto set_mempolicy set_mempolicy_home_node set_robust_list set_thread_area
set_tid_address setdomainname setfsgid setfsuid setgid setgid32 setgroups sethostname setitimer
setns setpgid setpriority setregid setresgid setresgid32 setresuid setresuid32 setreuid
setrlimit setsid setsockopt settimeofday setuid setuid32 setxattr setxattrat sgetmask shmat
shmctl shmdt shmget shutdown sigaction sigaltstack signal signal_deliver signalfd signalfd4
sigpending sigprocmask sigreturn sigsuspend socket socketcall socketpair splice spu_create
spu_run ssetmask stat stat64 statfs statfs64 statmount statx stime subpage_prot swapcontext
swapoff swapon switch_endian symlink symlinkat sync sync_file_range sync_file_range2 syncfs
sys_debug_setcontext sysfs sysinfo syslog tee tgkill time timer_create timer_delete
timer_getoverrun timer_gettime timer_settime timerfd timerfd_create timerfd_gettime
timerfd_settime times tkill truncate ugetrlimit umask umount umount2 uname unknown unlink
unlinkat unshare uretprobe uselib userfaultfd ustat utime utimensat utimes vfork vhangup vm86
vmsplice wait4 waitid waitpid write writev
""",
    "0.41": """
open_tree_attr
""",
    "0.42": """
file_getattr file_setattr
""",
    "0.44": """
listns rseq_slice_yield uprobe
""",
}

# By release and type.
PARAMETERS = {
    ("0.40", "ABSTIME"): """
exe_ino_ctime exe_ino_mtime
""",
    ("0.40", "BYTEBUF"): """
args cgroups data env img msgcontrol value_bytebuf
""",
    ("0.40", "CHARBUF"): """
arg2_str comm container_id cwd desc description exe home image json quotafilepath scope shell
special target uargs value_charbuf
""",
    ("0.40", "CHARBUFARRAY"): """
tags
""",
    ("0.40", "DYN"): """
res_or_fd val
""",
    ("0.40", "ENUMFLAGS16"): """
opcode
""",
    ("0.40", "ENUMFLAGS32"): """
domain option
""",
    ("0.40", "ENUMFLAGS8"): """
cmd how level optname resource whence
""",
    ("0.40", "ERRNO"): """
maxevents res ret status
""",
    ("0.40", "FD"): """
dirfd fd fd1 fd2 fd_in fd_out fdin fdout in_fd linkdirfd mountfd newdir newdirfd newfd olddir
olddirfd oldfd out_fd pid_fd target_fd
""",
    ("0.40", "FDLIST"): """
fds
""",
    ("0.40", "FLAGS16"): """
creat_flags op sem_flg_0 sem_flg_1
""",
    ("0.40", "FLAGS32"): """
error features flags nstype operation prot resolve semflg
""",
    ("0.40", "FLAGS8"): """
dqi_flags quota_fmt quota_fmt_out
""",
    ("0.40", "FSPATH"): """
dir filename linkpath name newpath oldpath path trusted_exepath
""",
    ("0.40", "FSRELPATH"): """
pathname
""",
    ("0.40", "GID"): """
egid rgid sgid
""",
    ("0.40", "INT16"): """
sem_op_0 sem_op_1
""",
    ("0.40", "INT32"): """
aux backlog key nsems semid semnum tty
""",
    ("0.40", "INT64"): """
arg2_int cur max newcur newmax oldcur oldmax timeout
""",
    ("0.40", "PID"): """
dpid next pgid pid ptid reaper_tid spid tid vpgid vpid vtid
""",
    ("0.40", "RELTIME"): """
dqb_btime dqb_itime dqi_bgrace dqi_igrace interval
""",
    ("0.40", "SIGSET"): """
sigmask
""",
    ("0.40", "SIGTYPE"): """
sig
""",
    ("0.40", "SOCKADDR"): """
addr
""",
    ("0.40", "SOCKTUPLE"): """
tuple
""",
    ("0.40", "SYSCALLID"): """
ID
""",
    ("0.40", "UID"): """
euid loginuid ruid suid
""",
    ("0.40", "UINT16"): """
nativeID sem_num_0 sem_num_1
""",
    ("0.40", "UINT32"): """
action cpu cq_entries dev entries event_type gid id mask min_complete mode nr_args nsops optlen
plugin_id proto queuelen queuemax ratio size sq_entries sq_thread_cpu sq_thread_idle to_submit
type uid vm_rss vm_size vm_swap
""",
    ("0.40", "UINT64"): """
arg argument cap_effective cap_inheritable cap_permitted cpu_sys cpu_usr dqb_bhardlimit
dqb_bsoftlimit dqb_curspace dqb_ihardlimit dqb_isoftlimit event_data exe_ino fdlimit initval ino
ip len length offin offout offset peer pgft_maj pgft_min pgoffset pidns_init_start_ts pos
request source
""",
    ("0.40", "UINT8"): """
clockid core queuepct
""",
    ("0.44", "ABSTIME"): """
start_time
""",
    ("0.44", "CHARBUFARRAY"): """
argv
""",
    ("0.44", "DYN"): """
arg2 arg3 arg4 arg5
""",
    ("0.44", "FLAGS8"): """
fd_type
""",
    ("0.44", "FSPATH"): """
exepath root sun_path
""",
    ("0.44", "IPV4ADDR"): """
local_ip remote_ip
""",
    ("0.44", "PID32"): """
ppid sid vtgid
""",
    ("0.44", "PORT"): """
local_port remote_port
""",
    ("0.44", "UINT16"): """
sk_proto sk_type
""",
    ("0.44", "UINT32"): """
first last mnt_id
""",
    ("0.44", "UINT64"): """
exe_ino_num ino_num sk_pointer
""",
}
