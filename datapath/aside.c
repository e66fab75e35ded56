// SPDX-License-Identifier: BSD-2-Clause
/*
 * Nice, not idle: where workers poll on all CPUs there is no idle time, and an end has to come. A
 * thread that was made nicer can't be made less so again without CAP_SYS_NICE; so it is a thread of
 * its own, which ends.
 */
#include "datapath/aside.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

/* A third of the share of a thread that is not; more would take long where all CPUs are busy. */
#define NICE 5

struct aside {
	cpu_set_t cpus; /* that it may use */
	aside_fn *work;
	void *context;
	int result;
};

/* The CPUs of this thread but those; all of them, where none is left. */
static void find_cpus(const cpu_set_t *busy, cpu_set_t *out)
{
	cpu_set_t allowed, both;
	CPU_ZERO(out);
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	CPU_AND(&both, &allowed, busy);
	CPU_XOR(out, &allowed, &both);
	if (!CPU_COUNT(out))
		*out = allowed;
}

/* What is refused here costs time at most. */
static void *run(void *argument)
{
	struct aside *a = argument;
	pthread_setname_np(pthread_self(), "weir-aside");
	(void)setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone */
	pthread_setaffinity_np(pthread_self(), sizeof(a->cpus), &a->cpus);
	a->result = a->work(a->context);
	return NULL;
}

int aside_run(const cpu_set_t *busy, aside_fn *work, void *context)
{
	struct aside a = {.work = work, .context = context};
	sigset_t all, before;
	pthread_t thread;
	find_cpus(busy, &a.cpus);
	sigfillset(&all); /* signals are the caller's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&thread, NULL, run, &a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r)
		return work(context);
	pthread_join(thread, NULL);
	return a.result;
}
