/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the lists in profiles/seccomp have to answer, said a second time and in other words: groups of calls without
 * conditions, and rows of calls with arguments. Constants come from the system's headers here, not from constants.rules.
 */
#include "tests/filter/lists.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/prctl.h>
#include <linux/tls.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <asm/termbits.h>
#include <linux/netlink.h>
#include <linux/sockios.h>

#ifndef SO_ATTACH_REUSEPORT_EBPF
#define SO_ATTACH_REUSEPORT_EBPF 52
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1
#endif

const struct group GROUPS[] = {
	/* Files */
	{ SERVERS, BOTH, ALLOW, "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 close close_range" },
	{ SERVERS, BOTH, ALLOW, "dup dup3 lseek flock fstat newfstatat statx statfs fstatfs getdents64 getcwd chdir fchdir" },
	{ SERVERS, BOTH, ALLOW, "faccessat faccessat2 readlinkat mkdirat unlinkat linkat symlinkat renameat truncate ftruncate" },
	{ SERVERS, BOTH, ALLOW, "fallocate umask fsync fdatasync sync syncfs sync_file_range sendfile" },
	{ SERVERS, BOTH, ALLOW, "copy_file_range splice tee readahead fadvise64 inotify_init1 inotify_rm_watch fgetxattr flistxattr" },
	{ CAGED, BOTH, ALLOW, "fchown fchownat utimensat inotify_add_watch" },
	{ BARE, BOTH, ERRNO(EPERM), "fchown fchownat utimensat fchmod fchmodat fchmodat2" },
	{ BARE, BOTH, ERRNO(EACCES), "inotify_add_watch" },
	{ CAGED, BOTH, ALLOW, "getxattr lgetxattr listxattr llistxattr setxattr lsetxattr fsetxattr" },
	{ CAGED, BOTH, ALLOW, "removexattr lremovexattr fremovexattr setxattrat getxattrat listxattrat removexattrat" },
	{ BARE, BOTH, ERRNO(EOPNOTSUPP), "getxattr lgetxattr listxattr llistxattr getxattrat listxattrat" },
	{ BARE, BOTH, ERRNO(EPERM), "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr setxattrat removexattrat" },
	{ SERVERS, BOTH, ALLOW, "pipe2 eventfd2 signalfd4 timerfd_create timerfd_settime timerfd_gettime memfd_create" },
	{ SERVERS, BOTH, ALLOW, "epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 ppoll pselect6" },
	{ SERVERS, X86_64, ALLOW, "stat lstat access readlink getdents mkdir rmdir unlink link symlink rename" },
	{ CAGED, X86_64, ALLOW, "chown lchown utime utimes futimesat" },
	{ BARE, X86_64, ERRNO(EPERM), "chown lchown utime utimes futimesat chmod" },
	{ SERVERS, X86_64, ALLOW, "dup2 pipe poll select epoll_create epoll_wait eventfd signalfd" },
	{ SERVERS, X86_64, ALLOW, "inotify_init" },
	/* Memory, processes, time, identity */
	{ SERVERS, BOTH, ALLOW, "brk mmap munmap mremap mprotect madvise msync mincore mseal mlock mlock2 munlock mlockall" },
	{ SERVERS, BOTH, ALLOW, "munlockall pkey_alloc pkey_free pkey_mprotect membarrier map_shadow_stack getrandom" },
	{ SERVERS, BOTH, ALLOW, "execve execveat exit exit_group wait4 waitid getpid getppid gettid getpgid getsid setpgid setsid" },
	{ SERVERS, BOTH, ALLOW, "set_tid_address set_robust_list rseq futex futex_waitv futex_wait futex_wake futex_requeue" },
	{ SERVERS, BOTH, ALLOW, "kill tgkill tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal" },
	{ SERVERS, BOTH, ALLOW, "rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait rt_sigreturn sigaltstack" },
	{ SERVERS, BOTH, ALLOW, "restart_syscall getrlimit setrlimit getrusage times sysinfo uname getcpu getpriority" },
	{ SERVERS, BOTH, ALLOW, "ioprio_get sched_yield sched_getaffinity" },
	{ SERVERS, BOTH, ALLOW, "sched_getparam sched_getscheduler sched_getattr" },
	{ SERVERS, BOTH, ALLOW, "sched_get_priority_max sched_get_priority_min sched_rr_get_interval" },
	{ SERVERS, BOTH, ALLOW, "getuid geteuid getgid getegid getresuid getresgid getgroups setuid setgid setreuid setregid" },
	{ SERVERS, BOTH, ALLOW, "setresuid setresgid setfsuid setfsgid setgroups capget capset" },
	{ SERVERS, BOTH, ALLOW, "clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday getitimer setitimer" },
	{ SERVERS, BOTH, ALLOW, "timer_create timer_settime timer_gettime timer_getoverrun timer_delete" },
	{ SERVERS, X86_64, ALLOW, "fork vfork getpgrp pause time alarm" },
	/* Sockets, IPC, confining oneself */
	{ SERVERS, BOTH, ALLOW, "bind listen accept accept4 connect shutdown getsockname getpeername getsockopt sendto sendmsg" },
	{ SERVERS, BOTH, ALLOW, "sendmmsg recvfrom recvmsg recvmmsg landlock_create_ruleset landlock_add_rule" },
	{ CAGED, BOTH, ALLOW, "shmget shmat shmdt shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl" },
	{ BARE, BOTH, ERRNO(ENOSYS), "shmget shmat shmdt shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl" },
	{ REDUCED, BOTH, ERRNO(EACCES), "socket" },
	{ SERVERS, BOTH, ALLOW, "landlock_restrict_self" },
	/* Refused, and the caller has another way */
	{ SERVERS, BOTH, ERRNO(ENOSYS), "clone3 openat2 seccomp io_uring_setup io_uring_enter io_uring_register" },
	{ SERVERS, BOTH, ERRNO(ENOSYS), "io_setup io_destroy io_getevents io_pgetevents io_submit io_cancel" },
	{ SERVERS, BOTH, ERRNO(ENOSYS), "mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr" },
	{ SERVERS, BOTH, ERRNO(ENOSYS), "vmsplice cachestat statmount listmount remap_file_pages memfd_secret process_madvise" },
	{ SERVERS, BOTH, ERRNO(ENOSYS), "process_mrelease get_mempolicy set_mempolicy mbind set_mempolicy_home_node" },
	{ SERVERS, BOTH, ERRNO(ENOSYS), "get_robust_list nfsservctl lsm_get_self_attr lsm_set_self_attr lsm_list_modules" },
	{ SERVERS, BOTH, ERRNO(ENOSYS), "file_getattr file_setattr open_tree_attr listns rseq_slice_yield" },
	{ SERVERS, X86_64, ERRNO(ENOSYS), "uselib ustat sysfs _sysctl create_module get_kernel_syms query_module getpmsg putpmsg" },
	{ SERVERS, X86_64, ERRNO(ENOSYS), "afs_syscall tuxcall security set_thread_area get_thread_area epoll_ctl_old" },
	{ SERVERS, X86_64, ERRNO(ENOSYS), "epoll_wait_old vserver uretprobe uprobe" },
	/* Refused */
	{ SERVERS, BOTH, ERRNO(EPERM), "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd bpf perf_event_open" },
	{ SERVERS, BOTH, ERRNO(EPERM), "add_key request_key keyctl userfaultfd migrate_pages move_pages" },
	{ SERVERS, BOTH, ERRNO(EPERM), "fanotify_init fanotify_mark name_to_handle_at open_by_handle_at lookup_dcookie" },
	{ SERVERS, BOTH, ERRNO(EPERM), "unshare setns chroot pivot_root mount umount2 open_tree move_mount fsopen fsconfig fsmount" },
	{ SERVERS, BOTH, ERRNO(EPERM), "fspick mount_setattr quotactl quotactl_fd init_module finit_module delete_module" },
	{ SERVERS, BOTH, ERRNO(EPERM), "kexec_load kexec_file_load reboot swapon swapoff acct syslog sethostname setdomainname" },
	{ SERVERS, BOTH, ERRNO(EPERM), "vhangup settimeofday clock_settime clock_adjtime adjtimex" },
	{ SERVERS, X86_64, ERRNO(EPERM), "iopl ioperm modify_ldt" },

	/* Our own processes: whatever is not here kills. */
	{ OWN, BOTH, ALLOW, "read write recvfrom recvmsg sendmsg close ppoll brk munmap madvise mremap getrandom clock_gettime" },
	{ OWN, BOTH, ALLOW, "clock_nanosleep futex getpid gettid rt_sigreturn rt_sigprocmask restart_syscall exit exit_group" },
	{ OWN, X86_64, ALLOW, "poll" },
	{ FILTER, BOTH, ALLOW, "readv writev timerfd_settime sched_yield" },
	{ FILTER, X86_64, ALLOW, "gettimeofday" },
	{ INIT, BOTH, ALLOW, "wait4 waitid kill tgkill rt_sigaction rt_sigtimedwait rt_sigpending rt_sigsuspend" },
};
const size_t GROUPS_N = sizeof(GROUPS) / sizeof(GROUPS[0]);

#define ALLOW_IOCTL(request)  { SERVERS, BOTH, "ioctl", { 0, (request) }, ALLOW }
#define REFUSE_IOCTL(request) { SERVERS, BOTH, "ioctl", { 0, (request) }, ERRNO(EPERM) }
#define UNKNOWN_IOCTL(request) { SERVERS, BOTH, "ioctl", { 0, (request) }, ERRNO(ENOTTY) }
#define ALLOW_PRCTL(option)   { SERVERS, BOTH, "prctl", { (option) }, ALLOW }
#define REFUSE_PRCTL(option)  { SERVERS, BOTH, "prctl", { (option) }, ERRNO(EINVAL) }
#define SOCKET(list, domain, type, protocol, want) { list, BOTH, "socket", { domain, type, protocol }, want }
#define PAIR(domain, type, want) { SERVERS, BOTH, "socketpair", { domain, type, 0 }, want }
#define PRIORITY(call)                                                                             \
	{ SERVERS, BOTH, call, { 0 }, ALLOW }, { CAGED, BOTH, call, { 77 }, ALLOW },               \
	{ BARE, BOTH, call, { 77 }, ERRNO(EPERM) }, { SERVERS, BOTH, call, { 1 }, ERRNO(EPERM) }
#define CLONE(flags, want) { SERVERS, BOTH, "clone", { (flags) }, want }

const struct row ROWS[] = {
	/* open and its mode: no privileged file is made, however */
	{ SERVERS, BOTH, "openat", { 0, 0, O_RDONLY, 0 }, ALLOW },
	{ SERVERS, BOTH, "openat", { 0, 0, O_RDONLY, 06777 }, ALLOW }, /* the mode is not looked at */
	{ SERVERS, BOTH, "openat", { 0, 0, O_WRONLY | O_CREAT, 01777 }, ALLOW },
	{ SERVERS, BOTH, "openat", { 0, 0, O_WRONLY | O_CREAT, 04755 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "openat", { 0, 0, O_WRONLY | O_CREAT, 02755 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "openat", { 0, 0, O_WRONLY | O_TMPFILE, 06700 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "openat", { 0, 0, O_WRONLY | O_TMPFILE, 0700 }, ALLOW },
	{ SERVERS, X86_64, "open", { 0, O_RDWR | O_CREAT, 0666 }, ALLOW },
	{ SERVERS, X86_64, "open", { 0, O_RDWR | O_CREAT, 04666 }, ERRNO(EPERM) },
	{ SERVERS, X86_64, "open", { 0, O_RDWR, 04666 }, ALLOW },
	{ SERVERS, X86_64, "creat", { 0, 0644 }, ALLOW },
	{ SERVERS, X86_64, "creat", { 0, 02644 }, ERRNO(EPERM) },
	{ CAGED, X86_64, "chmod", { 0, 01777 }, ALLOW },
	{ CAGED, X86_64, "chmod", { 0, S_ISUID | 0755 }, ERRNO(EPERM) },
	{ CAGED, BOTH, "fchmod", { 0, 0755 }, ALLOW },
	{ CAGED, BOTH, "fchmod", { 0, S_ISUID }, ERRNO(EPERM) },
	{ CAGED, BOTH, "fchmod", { 0, S_ISGID }, ERRNO(EPERM) },
	{ CAGED, BOTH, "fchmodat", { 0, 0, 0600 }, ALLOW },
	{ CAGED, BOTH, "fchmodat", { 0, 0, S_ISGID | 0600 }, ERRNO(EPERM) },
	{ CAGED, BOTH, "fchmodat2", { 0, 0, 0600 }, ALLOW },
	{ CAGED, BOTH, "fchmodat2", { 0, 0, S_ISUID | 0600 }, ERRNO(EPERM) },
	/* nodes */
	{ SERVERS, BOTH, "mknodat", { 0, 0, 0644 }, ALLOW },
	{ SERVERS, BOTH, "mknodat", { 0, 0, S_IFREG | 0644 }, ALLOW },
	{ SERVERS, BOTH, "mknodat", { 0, 0, S_IFIFO | 0644 }, ALLOW },
	{ SERVERS, BOTH, "mknodat", { 0, 0, S_IFIFO | S_ISUID }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "mknodat", { 0, 0, S_IFCHR | 0644 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "mknodat", { 0, 0, S_IFBLK | 0644 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "mknodat", { 0, 0, S_IFCHR | 0x10000 }, ERRNO(EPERM) }, /* the kernel sees 16 bits */
	{ NO_UNIX, BOTH, "mknodat", { 0, 0, S_IFSOCK | 0644 }, ERRNO(EPERM) },
	{ UNIX, BOTH, "mknodat", { 0, 0, S_IFSOCK | 0644 }, ALLOW },
	{ SERVERS, X86_64, "mknod", { 0, S_IFIFO }, ALLOW },
	{ SERVERS, X86_64, "mknod", { 0, S_IFCHR }, ERRNO(EPERM) },
	{ SERVERS, X86_64, "mknod", { 0, S_IFREG | S_ISGID }, ERRNO(EPERM) },
	{ NO_UNIX, X86_64, "mknod", { 0, S_IFSOCK }, ERRNO(EPERM) },
	{ UNIX, X86_64, "mknod", { 0, S_IFSOCK }, ALLOW },
	{ SERVERS, BOTH, "renameat2", { 0, 0, 0, 0, RENAME_NOREPLACE }, ALLOW },
	{ SERVERS, BOTH, "renameat2", { 0, 0, 0, 0, RENAME_EXCHANGE }, ALLOW },
	{ SERVERS, BOTH, "renameat2", { 0, 0, 0, 0, RENAME_WHITEOUT }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "renameat2", { 0, 0, 0, 0, RENAME_WHITEOUT | RENAME_NOREPLACE }, ERRNO(EPERM) },
	/* prlimit(2): one's own limits, and anybody's to read; the address of the new ones is 64 bits wide */
	{ SERVERS, BOTH, "prlimit64", { 0, 7, 0x7f0000000000 }, ALLOW },
	{ SERVERS, BOTH, "prlimit64", { 0, 7, 0 }, ALLOW },
	{ SERVERS, BOTH, "prlimit64", { 1, 7, 0 }, ALLOW },
	{ SERVERS, BOTH, "prlimit64", { 1, 7, 0x7f0000000000 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "prlimit64", { 1, 7, 0x1000 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "fcntl", { 0, F_DUPFD_CLOEXEC }, ALLOW },
	{ SERVERS, BOTH, "fcntl", { 0, F_SETLKW }, ALLOW },
	{ SERVERS, BOTH, "fcntl", { 0, F_ADD_SEALS }, ALLOW },
	{ SERVERS, BOTH, "fcntl", { 0, F_SETLEASE }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "fcntl", { 0, F_NOTIFY }, ERRNO(EPERM) },

	/* init, pid 1, is left alone, and without namespaces everybody else's processes */
	PRIORITY("sched_setaffinity"), PRIORITY("sched_setparam"), PRIORITY("sched_setscheduler"), PRIORITY("sched_setattr"),
	{ SERVERS, BOTH, "setpriority", { PRIO_PROCESS, 0, 19 }, ALLOW },
	{ CAGED, BOTH, "setpriority", { PRIO_PROCESS, 77, 19 }, ALLOW },
	{ BARE, BOTH, "setpriority", { PRIO_PROCESS, 77, 19 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "setpriority", { PRIO_PROCESS, 1, 19 }, ERRNO(EPERM) },
	{ CAGED, BOTH, "setpriority", { PRIO_PGRP, 0, 19 }, ALLOW },
	{ BARE, BOTH, "setpriority", { PRIO_PGRP, 0, 19 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "setpriority", { PRIO_PGRP, 1, 19 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "setpriority", { PRIO_USER, 0, 19 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "ioprio_set", { 1, 0 }, ALLOW },
	{ SERVERS, BOTH, "ioprio_set", { 1, 1 }, ERRNO(EPERM) },
	{ CAGED, BOTH, "ioprio_set", { 2, 0 }, ALLOW },
	{ BARE, BOTH, "ioprio_set", { 2, 0 }, ERRNO(EPERM) },
	{ BARE, BOTH, "ioprio_set", { 1, 77 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "ioprio_set", { 2, 1 }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "ioprio_set", { 3, 0 }, ERRNO(EPERM) },

	ALLOW_IOCTL(FIONREAD), ALLOW_IOCTL(FIONBIO), ALLOW_IOCTL(FIOCLEX), ALLOW_IOCTL(FIONCLEX), ALLOW_IOCTL(FIOASYNC),
	ALLOW_IOCTL(TCGETS), ALLOW_IOCTL(TCSETS), ALLOW_IOCTL(TCSETSW), ALLOW_IOCTL(TCSETSF), ALLOW_IOCTL(TCGETS2),
	ALLOW_IOCTL(TCSETS2), ALLOW_IOCTL(TCSETSW2), ALLOW_IOCTL(TCSETSF2), ALLOW_IOCTL(TCGETA), ALLOW_IOCTL(TCSBRK),
	ALLOW_IOCTL(TCXONC), ALLOW_IOCTL(TCFLSH), ALLOW_IOCTL(TIOCGWINSZ), ALLOW_IOCTL(TIOCSWINSZ), ALLOW_IOCTL(TIOCGPGRP),
	ALLOW_IOCTL(TIOCSPGRP), ALLOW_IOCTL(TIOCGSID), ALLOW_IOCTL(TIOCSCTTY), ALLOW_IOCTL(TIOCNOTTY), ALLOW_IOCTL(TIOCOUTQ),
	ALLOW_IOCTL(TIOCPKT), ALLOW_IOCTL(TIOCGPTN), ALLOW_IOCTL(TIOCSPTLCK), ALLOW_IOCTL(TIOCGPTLCK), ALLOW_IOCTL(TIOCGPTPEER),
	ALLOW_IOCTL(FICLONE), ALLOW_IOCTL(FICLONERANGE), ALLOW_IOCTL(SIOCATMARK), ALLOW_IOCTL(SIOCGIFNAME),
	ALLOW_IOCTL(SIOCGIFCONF), ALLOW_IOCTL(SIOCGIFFLAGS), ALLOW_IOCTL(SIOCGIFADDR), ALLOW_IOCTL(SIOCGIFDSTADDR),
	ALLOW_IOCTL(SIOCGIFBRDADDR), ALLOW_IOCTL(SIOCGIFNETMASK), ALLOW_IOCTL(SIOCGIFMTU), ALLOW_IOCTL(SIOCGIFHWADDR),
	ALLOW_IOCTL(SIOCGIFINDEX),
	REFUSE_IOCTL(TIOCSTI), REFUSE_IOCTL(TIOCLINUX), REFUSE_IOCTL(TIOCSETD), REFUSE_IOCTL(TIOCCONS),
	UNKNOWN_IOCTL(0), UNKNOWN_IOCTL(0xffffffff), UNKNOWN_IOCTL(SIOCSIFFLAGS), UNKNOWN_IOCTL(SIOCSIFADDR),
	UNKNOWN_IOCTL(SIOCETHTOOL), UNKNOWN_IOCTL(BLKROSET), UNKNOWN_IOCTL(FS_IOC_SETFLAGS), UNKNOWN_IOCTL(TIOCGDEV),
	UNKNOWN_IOCTL(0xb703 /* NS_GET_NSTYPE */), UNKNOWN_IOCTL(0xb701 /* NS_GET_USERNS */), UNKNOWN_IOCTL(0xae00 /* KVM */),
	UNKNOWN_IOCTL(0xc020660b /* FS_IOC_FIEMAP */), UNKNOWN_IOCTL(0x89a0 /* SIOCBRADDBR */),

	/* new namespaces: each flag alone, all of them, hidden among others */
	CLONE(SIGCHLD, ALLOW), CLONE(CLONE_VM | CLONE_VFORK | SIGCHLD, ALLOW),
	CLONE(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
		      CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID, ALLOW),
	CLONE(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, ALLOW), CLONE(0x1000 /* CLONE_PIDFD */ | SIGCHLD, ALLOW),
	CLONE(CLONE_NEWNS | SIGCHLD, ERRNO(EPERM)), CLONE(CLONE_NEWCGROUP | SIGCHLD, ERRNO(EPERM)),
	CLONE(CLONE_NEWUTS | SIGCHLD, ERRNO(EPERM)), CLONE(CLONE_NEWIPC | SIGCHLD, ERRNO(EPERM)),
	CLONE(CLONE_NEWUSER | SIGCHLD, ERRNO(EPERM)), CLONE(CLONE_NEWPID | SIGCHLD, ERRNO(EPERM)),
	CLONE(CLONE_NEWNET | SIGCHLD, ERRNO(EPERM)), CLONE(CLONE_NEWUSER | CLONE_VM | CLONE_FILES, ERRNO(EPERM)),
	CLONE(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | SIGCHLD, ERRNO(EPERM)),

	ALLOW_PRCTL(PR_SET_NAME), ALLOW_PRCTL(PR_GET_NAME), ALLOW_PRCTL(PR_SET_PDEATHSIG), ALLOW_PRCTL(PR_GET_PDEATHSIG),
	ALLOW_PRCTL(PR_SET_DUMPABLE), ALLOW_PRCTL(PR_GET_DUMPABLE), ALLOW_PRCTL(PR_SET_NO_NEW_PRIVS),
	ALLOW_PRCTL(PR_GET_NO_NEW_PRIVS), ALLOW_PRCTL(PR_SET_CHILD_SUBREAPER), ALLOW_PRCTL(PR_GET_CHILD_SUBREAPER),
	ALLOW_PRCTL(PR_SET_TIMERSLACK), ALLOW_PRCTL(PR_GET_TIMERSLACK), ALLOW_PRCTL(PR_SET_THP_DISABLE),
	ALLOW_PRCTL(PR_GET_THP_DISABLE), ALLOW_PRCTL(0x53564d41 /* PR_SET_VMA */), ALLOW_PRCTL(0x41555856 /* PR_GET_AUXV */),
	ALLOW_PRCTL(65 /* PR_SET_MDWE */), ALLOW_PRCTL(66 /* PR_GET_MDWE */), ALLOW_PRCTL(PR_GET_SECCOMP),
	ALLOW_PRCTL(PR_GET_SPECULATION_CTRL), ALLOW_PRCTL(PR_CAPBSET_READ), ALLOW_PRCTL(PR_GET_SECUREBITS),
	ALLOW_PRCTL(PR_GET_KEEPCAPS), ALLOW_PRCTL(PR_SET_KEEPCAPS), ALLOW_PRCTL(PR_CAP_AMBIENT),
	REFUSE_PRCTL(PR_SET_SECCOMP), REFUSE_PRCTL(PR_SET_MM), REFUSE_PRCTL(PR_SET_PTRACER), REFUSE_PRCTL(PR_CAPBSET_DROP),
	REFUSE_PRCTL(PR_SET_SECUREBITS), REFUSE_PRCTL(PR_SET_SPECULATION_CTRL), REFUSE_PRCTL(PR_SET_SYSCALL_USER_DISPATCH),
	REFUSE_PRCTL(62 /* PR_SCHED_CORE */), REFUSE_PRCTL(67 /* PR_SET_MEMORY_MERGE */), REFUSE_PRCTL(PR_SET_IO_FLUSHER),
	REFUSE_PRCTL(PR_SET_TSC), REFUSE_PRCTL(PR_TASK_PERF_EVENTS_ENABLE), REFUSE_PRCTL(PR_MCE_KILL), REFUSE_PRCTL(0),
	REFUSE_PRCTL(0xffffffff),
	{ SERVERS, AARCH64, "prctl", { PR_SVE_SET_VL }, ALLOW },
	{ SERVERS, AARCH64, "prctl", { PR_PAC_RESET_KEYS }, ALLOW },
	{ SERVERS, AARCH64, "prctl", { PR_SET_TAGGED_ADDR_CTRL }, ALLOW },
	{ SERVERS, X86_64, "prctl", { PR_SVE_SET_VL }, ERRNO(EINVAL) },
	{ SERVERS, X86_64, "prctl", { PR_SET_TAGGED_ADDR_CTRL }, ERRNO(EINVAL) },
	{ SERVERS, X86_64, "arch_prctl", { 0x1002 /* ARCH_SET_FS */ }, ALLOW },
	{ SERVERS, X86_64, "arch_prctl", { 0x1001 }, ALLOW },
	{ SERVERS, X86_64, "arch_prctl", { 0x1003 }, ALLOW },
	{ SERVERS, X86_64, "arch_prctl", { 0x1004 }, ALLOW },
	{ SERVERS, X86_64, "arch_prctl", { 0x1022 /* ARCH_GET_XCOMP_PERM */ }, ALLOW },
	{ SERVERS, X86_64, "arch_prctl", { 0x1023 /* ARCH_REQ_XCOMP_PERM */ }, ALLOW },
	{ SERVERS, X86_64, "arch_prctl", { 0x3001 /* ARCH_CET_STATUS */ }, ALLOW },
	{ SERVERS, X86_64, "arch_prctl", { 0x5001 /* ARCH_SHSTK_ENABLE */ }, ALLOW },
	{ SERVERS, X86_64, "arch_prctl", { 0x1012 /* ARCH_SET_CPUID */ }, ERRNO(EINVAL) },
	{ SERVERS, X86_64, "arch_prctl", { 0x2001 /* ARCH_MAP_VDSO_X32 */ }, ERRNO(EINVAL) },
	{ SERVERS, X86_64, "arch_prctl", { 0x1025 /* ARCH_REQ_XCOMP_GUEST_PERM */ }, ERRNO(EINVAL) },
	{ SERVERS, BOTH, "personality", { 0 }, ALLOW },
	{ SERVERS, BOTH, "personality", { 0xffffffff }, ALLOW },
	{ SERVERS, BOTH, "personality", { ADDR_NO_RANDOMIZE }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "personality", { READ_IMPLIES_EXEC }, ERRNO(EPERM) },
	{ SERVERS, BOTH, "personality", { PER_LINUX32 }, ERRNO(EPERM) },

	SOCKET(SOCKETS, AF_INET, SOCK_STREAM, 0, ALLOW), SOCKET(SOCKETS, AF_INET, SOCK_STREAM, IPPROTO_TCP, ALLOW),
	SOCKET(SOCKETS, AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ALLOW),
	SOCKET(SOCKETS, AF_INET, SOCK_DGRAM, IPPROTO_UDP, ALLOW),
	SOCKET(SOCKETS, AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0, ALLOW),
	SOCKET(SOCKETS, AF_INET, SOCK_RAW, IPPROTO_ICMP, ERRNO(EPERM)),
	SOCKET(SOCKETS, AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW, ERRNO(EPERM)),
	SOCKET(SOCKETS, AF_INET, SOCK_DGRAM, IPPROTO_ICMP, ERRNO(EPROTONOSUPPORT)),
	SOCKET(SOCKETS, AF_INET, SOCK_STREAM, IPPROTO_MPTCP, ERRNO(EPROTONOSUPPORT)),
	SOCKET(SOCKETS, AF_INET, SOCK_STREAM, IPPROTO_SCTP, ERRNO(EPROTONOSUPPORT)),
	SOCKET(SOCKETS, AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, ERRNO(EPROTONOSUPPORT)),
	SOCKET(SOCKETS, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, ERRNO(EPROTONOSUPPORT)),
	SOCKET(SOCKETS, AF_INET, SOCK_PACKET, 0, ERRNO(EPROTONOSUPPORT)),
	SOCKET(SOCKETS, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE, ALLOW),
	SOCKET(SOCKETS, AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE, ALLOW),
	SOCKET(SOCKETS, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, ERRNO(EPROTONOSUPPORT)),
	SOCKET(SOCKETS, AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, ERRNO(EPROTONOSUPPORT)),
	SOCKET(SOCKETS, AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT, ERRNO(EPROTONOSUPPORT)),
	SOCKET(SOCKETS, AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE, ERRNO(EPROTONOSUPPORT)),
	SOCKET(SERVER | REDUCED_NET, AF_UNIX, SOCK_STREAM, 0, ERRNO(EAFNOSUPPORT)), SOCKET(SERVER | REDUCED_NET, AF_UNIX, SOCK_DGRAM, 0, ERRNO(EAFNOSUPPORT)),
	SOCKET(SERVER | REDUCED_NET, AF_UNIX, SOCK_SEQPACKET, 0, ERRNO(EAFNOSUPPORT)),
	SOCKET(UNIX, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ALLOW), SOCKET(UNIX, AF_UNIX, SOCK_SEQPACKET, 0, ALLOW),
	SOCKET(UNIX, AF_UNIX, SOCK_DGRAM, 0, ERRNO(EAFNOSUPPORT)), SOCKET(UNIX, AF_UNIX, SOCK_RAW, 0, ERRNO(EAFNOSUPPORT)),
	SOCKET(SOCKETS, AF_PACKET, SOCK_RAW, 0, ERRNO(EAFNOSUPPORT)), SOCKET(SOCKETS, AF_VSOCK, SOCK_STREAM, 0, ERRNO(EAFNOSUPPORT)),
	SOCKET(SOCKETS, AF_ALG, SOCK_SEQPACKET, 0, ERRNO(EAFNOSUPPORT)), SOCKET(SOCKETS, AF_TIPC, SOCK_RDM, 0, ERRNO(EAFNOSUPPORT)),
	SOCKET(SOCKETS, AF_BLUETOOTH, SOCK_RAW, 0, ERRNO(EAFNOSUPPORT)), SOCKET(SOCKETS, AF_CAN, SOCK_RAW, 1, ERRNO(EAFNOSUPPORT)),
	SOCKET(SOCKETS, AF_KEY, SOCK_RAW, 2, ERRNO(EAFNOSUPPORT)), SOCKET(SOCKETS, 44 /* AF_XDP */, SOCK_RAW, 0, ERRNO(EAFNOSUPPORT)),
	SOCKET(SOCKETS, 0, 0, 0, ERRNO(EAFNOSUPPORT)), SOCKET(SOCKETS, 0xffffffff, SOCK_STREAM, 0, ERRNO(EAFNOSUPPORT)),
	SOCKET(SOCKETS, AF_INET, 0, 0, ERRNO(EPROTONOSUPPORT)), SOCKET(SOCKETS, AF_INET, 0x10001, 0, ERRNO(EPROTONOSUPPORT)),
	PAIR(AF_UNIX, SOCK_STREAM, ALLOW), PAIR(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, ALLOW),
	PAIR(AF_UNIX, SOCK_SEQPACKET, ALLOW), PAIR(AF_UNIX, SOCK_DGRAM, ERRNO(EPERM)),
	PAIR(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, ERRNO(EPERM)), PAIR(AF_UNIX, SOCK_RAW, ERRNO(EPERM)),
	PAIR(AF_INET, SOCK_STREAM, ERRNO(EAFNOSUPPORT)), PAIR(AF_TIPC, SOCK_STREAM, ERRNO(EAFNOSUPPORT)),
	{ SERVERS, BOTH, "setsockopt", { 0, SOL_SOCKET, SO_REUSEADDR }, ALLOW },
	{ SERVERS, BOTH, "setsockopt", { 0, IPPROTO_TCP, TCP_NODELAY }, ALLOW },
	{ SERVERS, BOTH, "setsockopt", { 0, IPPROTO_IPV6, IPV6_V6ONLY }, ALLOW },
	{ SERVERS, BOTH, "setsockopt", { 0, IPPROTO_IP, TCP_ULP }, ALLOW }, /* another level: another option */
	{ SERVERS, BOTH, "setsockopt", { 0, SOL_SOCKET, SO_ATTACH_FILTER }, ERRNO(ENOPROTOOPT) },
	{ SERVERS, BOTH, "setsockopt", { 0, SOL_SOCKET, SO_ATTACH_BPF }, ERRNO(ENOPROTOOPT) },
	{ SERVERS, BOTH, "setsockopt", { 0, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF }, ERRNO(ENOPROTOOPT) },
	{ SERVERS, BOTH, "setsockopt", { 0, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF }, ERRNO(ENOPROTOOPT) },
	{ SERVERS, BOTH, "setsockopt", { 0, IPPROTO_TCP, TCP_ULP }, ERRNO(ENOPROTOOPT) },
	{ SERVERS, BOTH, "setsockopt", { 0, 282 /* SOL_TLS */, TLS_TX }, ERRNO(ENOPROTOOPT) },

	/* our own processes */
	{ OWN, BOTH, "mmap", { 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS }, ALLOW },
	{ OWN, BOTH, "mmap", { 0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE }, ALLOW },
	{ OWN, BOTH, "mmap", { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS }, KILL },
	{ OWN, BOTH, "mmap", { 0, 4096, PROT_READ, MAP_PRIVATE }, KILL },
	{ OWN, BOTH, "mmap", { 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED }, KILL },
	{ OWN, BOTH, "sendto", { 3, 1, 1, MSG_NOSIGNAL, 0, 0 }, ALLOW },
	{ OWN, BOTH, "sendto", { 3, 1, 1, 0, 1, 16 }, KILL },
	{ OWN, BOTH, "sendto", { 3, 1, 1, 0, 0x100000000, 16 }, KILL },
	{ OWN, BOTH, "fcntl", { 0, F_GETFL }, ALLOW },
	{ OWN, BOTH, "fcntl", { 0, F_SETFL }, ALLOW },
	{ OWN, BOTH, "fcntl", { 0, F_GETFD }, ALLOW },
	{ FILTER, BOTH, "fcntl", { 0, F_SETPIPE_SZ }, ALLOW },
	{ INIT, BOTH, "fcntl", { 0, F_SETPIPE_SZ }, KILL },
	{ OWN, BOTH, "fcntl", { 0, F_DUPFD }, KILL },
	{ OWN, BOTH, "fcntl", { 0, F_DUPFD_CLOEXEC }, KILL },
	{ OWN, BOTH, "fcntl", { 0, F_SETOWN }, KILL },
};
const size_t ROWS_N = sizeof(ROWS) / sizeof(ROWS[0]);
