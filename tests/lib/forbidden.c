// SPDX-License-Identifier: BSD-2-Clause
/*
 * Gives up privileges as the daemon does, then tries what somebody would who had got into it, and
 * what the daemon itself needs. Prints a line for each: what, and `done` or the kernel's no.
 *
 *   forbidden USER
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lb/err.h"
#include "tools/weir/privileges.h"
#include "tools/weir/sandbox.h"

/* `failed`: of a call that returns -1. */
static void report(const char *what, int failed)
{
	printf("%s: %s\n", what, failed ? strerrorname_np(errno) : "done");
	fflush(stdout);
}
#define TRY(call) report(#call, (call) == -1)

static int read_parent(void)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};
	return process_vm_readv(getppid(), &here, 1, &there, 1, 0);
}

static int raise_capability(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {};
	syscall(SYS_capget, &head, data);
	data[0].effective = data[0].permitted = UINT32_MAX;
	return syscall(SYS_capset, &head, data);
}

static int new_process(void)
{
	int pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (!pid)
		_exit(0);
	return pid;
}

static int map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static int make_code(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return mprotect(at, 4096, PROT_READ | PROT_EXEC);
}

static int bpf_command(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int other_map(void)
{
	return bpf_command(BPF_MAP_GET_FD_BY_ID, &(union bpf_attr){.map_id = 1});
}

static int own_map(void)
{
	return bpf_command(BPF_MAP_CREATE, &(union bpf_attr){.map_type = BPF_MAP_TYPE_ARRAY,
							     .key_size = 4,
							     .value_size = 8,
							     .max_entries = 1});
}

static void *nothing(void *context)
{
	return context;
}

static int new_thread(void)
{
	pthread_t thread;
	errno = pthread_create(&thread, NULL, nothing, NULL);
	return errno ? -1 : pthread_join(thread, NULL);
}

static int raise_limit(void)
{
	const struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	return setrlimit(RLIMIT_CORE, &limit);
}

static void try_files(void)
{
	TRY(open("/etc/shadow", O_RDONLY));
	TRY(open("/etc/passwd", O_WRONLY));
	TRY(open("/etc/weir-was-here", O_WRONLY | O_CREAT, 0600));
	TRY(open("/dev/mem", O_RDWR));
	TRY(chmod("/etc/passwd", 0666));
	TRY(chown("/etc/passwd", geteuid(), -1));
	TRY(chroot("/tmp"));
	TRY(mount("none", "/mnt", "tmpfs", 0, NULL));
	TRY(umount2("/proc", MNT_DETACH));
}

static void try_others(void)
{
	TRY(execve("/bin/true", (char *[]){"true", NULL}, NULL));
	TRY(new_process());
	TRY(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
	TRY(read_parent());
	TRY(kill(getppid(), SIGTERM));
	TRY(syscall(SYS_tgkill, getppid(), getppid(), SIGTERM));
	TRY(ioctl(0, TIOCSTI, "x"));
}

static void try_rights(void)
{
	TRY(setuid(0));
	TRY(setgid(0));
	TRY(raise_capability());
	TRY(unshare(CLONE_NEWUSER));
	TRY(setns(open("/proc/self/ns/net", O_RDONLY), 0));
	TRY(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	TRY(raise_limit());
}

static void try_kernel(void)
{
	TRY(map_code());
	TRY(make_code());
	TRY(other_map());
	TRY(syscall(SYS_init_module, NULL, 0, ""));
	TRY(syscall(SYS_kexec_load, 0, 0, NULL, 0));
	TRY(syscall(SYS_reboot, 0, 0, 0, NULL));
	TRY(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	TRY(syscall(SYS_io_uring_setup, 1, NULL));
	TRY(syscall(SYS_userfaultfd, 0));
	TRY(syscall(SYS_personality, 0x0400000));
	TRY(socket(AF_ALG, SOCK_SEQPACKET, 0));
	TRY(socket(AF_VSOCK, SOCK_STREAM, 0));
}

/* Else all of the above would only show that nothing works. */
static void try_needs(void)
{
	TRY(socket(AF_XDP, SOCK_RAW, 0));
	TRY(socket(AF_PACKET, SOCK_RAW, 0));
	TRY(socket(AF_NETLINK, SOCK_RAW, 0));
	TRY(socket(AF_INET, SOCK_STREAM, 0));
	TRY(own_map());
	TRY(new_thread());
	TRY(open("/proc/net/dev", O_RDONLY));
}

int main(int argc, char **argv)
{
	struct privileges user;
	struct err err;
	if (argc != 2)
		return 2;
	if (privileges_find(&user, argv[1], &err) ||
	    privileges_drop(&user, PRIVILEGES_DAEMON, &err) || sandbox_enter(&err)) {
		fprintf(stderr, "forbidden: %s\n", err.text);
		return 1;
	}
	try_files();
	try_others();
	try_rights();
	try_kernel();
	try_needs();
	return 0;
}
