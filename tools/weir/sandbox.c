// SPDX-License-Identifier: BSD-2-Clause
/*
 * An allow list, made by running every test and reading what the log named, and by reading the
 * libraries where tests can't lead. The kernel keeps which calls are always allowed as bits
 * (Linux 5.11), so packets pay nothing for what stands here: none of their calls has a condition.
 */
#include "tools/weir/sandbox.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#include "lb/err.h"
#include "tools/weir/log.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- what may be called ---------------------------------------------------------------------- */

/* By name, as some are new, and some of one architecture only. */
static const char *const calls[] = {
	/* packets, the API, health checks, netlink */
	"accept4",
	"bind",
	"connect",
	"getpeername",
	"getsockname",
	"getsockopt",
	"listen",
	"recvfrom",
	"recvmmsg",
	"recvmsg",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"setsockopt",
	"shutdown",
	"socketpair",
	/* XDP programs, maps, pins; the tracepoints of losses */
	"bpf",
	"perf_event_open",
	/* waiting */
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd2",
	"futex",
	"inotify_add_watch",
	"inotify_init1",
	"inotify_rm_watch",
	"membarrier",
	"poll",
	"ppoll",
	"pselect6",
	"select",
	"signalfd4",
	"timerfd_create",
	"timerfd_settime",
	/* files: configuration, lists, /proc and /sys, the socket's own */
	"access",
	"close",
	"close_range",
	"dup",
	"dup2",
	"dup3",
	"faccessat",
	"faccessat2",
	"fallocate",
	"fcntl",
	"flock", /* libxdp's, on the folder of its pins */
	"fstat",
	"fstatfs",
	"ftruncate",
	"getcwd",
	"getdents64",
	"lseek",
	"lstat",
	"mkdir",
	"mkdirat",
	"newfstatat",
	"open",
	"openat",
	"pipe2",
	"pread64",
	"pwrite64",
	"read",
	"readlink",
	"readlinkat",
	"readv",
	"rename",
	"rmdir",
	"stat",
	"statfs",
	"statx",
	"unlink",
	"unlinkat",
	"write",
	"writev",
	/* memory, on the node of its worker */
	"brk",
	"get_mempolicy",
	"memfd_create",
	"madvise",
	"mbind",
	"mlock",
	"mremap",
	"munmap",
	"set_mempolicy",
	/* threads, on the CPU of their queue */
	"exit",
	"getcpu",
	"gettid",
	"rseq",
	"sched_getaffinity",
	"sched_setaffinity",
	"sched_yield",
	"set_robust_list",
	"set_tid_address",
	/* time, and who we are */
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"getegid",
	"geteuid",
	"getgid",
	"getpid",
	"getppid",
	"getrandom",
	"getrlimit",
	"getrusage",
	"gettimeofday",
	"getuid",
	"nanosleep",
	"restart_syscall",
	"sysinfo",
	"times",
	"uname",
	/* signals, and the end: the helper is waited for */
	"exit_group",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigtimedwait",
	"sigaltstack",
	"wait4",
	"waitid",
};

/* And where an argument has one of these values in the bits of the mask. */
struct condition {
	const char *call;
	unsigned int argument;
	uint64_t mask, value;
};

static const struct condition conditions[] = {
	{"socket", 0, UINT32_MAX, AF_UNIX},
	{"socket", 0, UINT32_MAX, AF_INET},
	{"socket", 0, UINT32_MAX, AF_INET6},
	{"socket", 0, UINT32_MAX, AF_NETLINK},
	{"socket", 0, UINT32_MAX, AF_PACKET},
	{"socket", 0, UINT32_MAX, AF_XDP},
	/* threads, not processes */
	{"clone", 0, CLONE_THREAD, CLONE_THREAD},
	/* memory that is never code */
	{"mmap", 2, PROT_EXEC, 0},
	{"mprotect", 2, PROT_EXEC, 0},
	/* devices of the network, and the tun device of health checks; not the terminal's input */
	{"ioctl", 1, UINT32_MAX, SIOCETHTOOL},
	{"ioctl", 1, UINT32_MAX, SIOCGIFFLAGS},
	{"ioctl", 1, UINT32_MAX, SIOCGIFHWADDR},
	{"ioctl", 1, UINT32_MAX, SIOCGIFINDEX},
	{"ioctl", 1, UINT32_MAX, SIOCGIFMTU},
	{"ioctl", 1, UINT32_MAX, SIOCGIFNAME},
	{"ioctl", 1, UINT32_MAX, SIOCSIFFLAGS},
	{"ioctl", 1, UINT32_MAX, SIOCSIFMTU},
	{"ioctl", 1, UINT32_MAX, TUNSETIFF},
	{"ioctl", 1, UINT32_MAX, FIONBIO},
	{"ioctl", 1, UINT32_MAX, FIONREAD},
	{"ioctl", 1, UINT32_MAX, TCGETS},
	{"prctl", 0, UINT32_MAX, PR_SET_NAME},
	/* work that is not urgent: a thread may be made nicer, and not the other way round */
	{"setpriority", 0, UINT32_MAX, PRIO_PROCESS},
	/* is there such a process? libqb asks for corosync */
	{"kill", 1, UINT32_MAX, 0},
	/* limits are looked at, not set */
	{"prlimit64", 2, UINT64_MAX, 0},
};

/* --- what is denied -------------------------------------------------------------------------- */

#define NAMES 1024 /* numbers of system calls end far below */

static char *names[NAMES];
static bool told[NAMES];

/* The system call's result, as the kernel would have left it. */
#if defined(__x86_64__)
#define SET_RESULT(context, r) ((context)->uc_mcontext.gregs[REG_RAX] = (r))
#elif defined(__aarch64__)
#define SET_RESULT(context, r) ((context)->uc_mcontext.regs[0] = (r))
#endif

#ifdef SET_RESULT
static void append(char *line, size_t size, const char *text)
{
	size_t used = strlen(line), length = strlen(text);
	if (length < size - used)
		memcpy(line + used, text, length + 1);
}

/* In the midst of anything: nothing here may lock or allocate. */
static void on_denied(int signal, siginfo_t *info, void *context)
{
	int number = info->si_syscall, code = errno;
	bool known = number >= 0 && number < NAMES;
	if (!known || !__atomic_exchange_n(&told[number], true, __ATOMIC_RELAXED)) {
		char line[160] = "";
		append(line, sizeof(line), log_prefix(LOG_PRIORITY_ERROR));
		append(line, sizeof(line), "a system call was denied call=");
		append(line, sizeof(line), known && names[number] ? names[number] : "unknown");
		append(line, sizeof(line), " more=\"docs/security.md\"\n");
		if (write(STDERR_FILENO, line, strlen(line)) < 0)
			code = errno;
	}
	errno = code;
	SET_RESULT((ucontext_t *)context, -EPERM);
}

static int catch_denied(void)
{
	struct sigaction action = {.sa_sigaction = on_denied, .sa_flags = SA_SIGINFO | SA_RESTART};
	for (int i = 0; i < NAMES; i++)
		names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
	log_prefix(LOG_PRIORITY_ERROR);
	return sigaction(SIGSYS, &action, NULL) ? -errno : 0;
}
#define DENIED SCMP_ACT_TRAP
#else
static int catch_denied(void)
{
	return 0;
}
#define DENIED SCMP_ACT_ERRNO(EPERM)
#endif

/* --- the filter ------------------------------------------------------------------------------ */

static int allow(scmp_filter_ctx filter, const char *name, unsigned int count,
		 struct scmp_arg_cmp *arguments)
{
	int call = seccomp_syscall_resolve_name(name);
	/* This architecture, or this libseccomp, has none of the name. */
	if (call == __NR_SCMP_ERROR)
		return 0;
	int r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, count, arguments);
	return r == -EDOM ? 0 : r;
}

static int allow_all(scmp_filter_ctx filter)
{
	int r = 0;
	for (size_t i = 0; i < COUNT(calls) && !r; i++)
		r = allow(filter, calls[i], 0, NULL);
	for (size_t i = 0; i < COUNT(conditions) && !r; i++) {
		const struct condition *c = &conditions[i];
		r = allow(filter, c->call, 1,
			  &SCMP_CMP(c->argument, SCMP_CMP_MASKED_EQ, c->mask, c->value));
	}
	/* abort(): a signal to ourselves. */
	if (!r)
		r = allow(filter, "tgkill", 1, &SCMP_CMP(0, SCMP_CMP_EQ, getpid(), 0));
	/* Its flags lie in memory, which no filter sees: the C library then takes clone(). */
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r;
}

static int enter(struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(DENIED);
	int r = filter ? allow_all(filter) : -ENOMEM;
	/* Memory that is mapped by others stays as fast as it is. */
	if (!r)
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	r = r ? r : catch_denied();
	r = r ? r : seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return r ? err_set(err, -r, "can't limit the system calls: %s", strerror(-r)) : 0;
}

/* Sanitizers make system calls of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

int sandbox_enter(struct err *err)
{
	return SANITIZED ? 0 : enter(err);
}
