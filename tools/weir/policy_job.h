/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_load() on a thread of its own, and all that it takes to have its tables in the kernel
 * (datapath/policy_stage.h), so that the control loop goes on while a long list is read and put
 * there; and in the end, on a thread again, the tables before are given back. What the lists have
 * to say comes to the log as it is found.
 */
#ifndef WEIR_TOOLS_POLICY_JOB_H
#define WEIR_TOOLS_POLICY_JOB_H

#include "datapath/policy_stage.h"

struct config;
struct err;
struct ev_loop;
struct policy_job;
struct policy_tables;
struct registry;

struct policy_work {
	const struct config *config;
	const struct registry *rules, *backends;
	struct policy_tables *before; /* in force; NULL: everything is allowed */
	struct policy_stage stage;    /* the job's to close */

	/*
	 * In the loop, once: what policy_load() returned, or the kernel's fault; for 0 the tables,
	 * which are taken over: those before, once more, if nothing has changed, else they are on
	 * the stage.
	 */
	void (*done)(void *context, int result, struct policy_tables *made, const struct err *err);
	/* In the loop, once: nothing of the job is there any more. */
	void (*over)(void *context);
	void *context;
};

/*
 * Configuration and registries must stay as they are until `done` is called. -ENOMEM, -EAGAIN:
 * there is no thread to be had, and the stage is closed.
 */
int policy_job_start(struct policy_job **out, struct ev_loop *loop, const struct policy_work *work,
		     struct err *err);

/* Until it is over. */
struct policy_stage *policy_job_stage(struct policy_job *j);

/* Whether `done` was called, or is just now. */
bool policy_job_is_loaded(const struct policy_job *j);

/*
 * Waits for the thread, which reads no more, and forgets what it has made; nobody is called any
 * more. NULL too.
 */
void policy_job_free(struct policy_job *j);

#endif
