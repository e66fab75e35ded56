/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_load() on a thread of its own, so that the control loop goes on while a long list is read
 * and its tables are made. What the lists have to say comes to the log as it is found.
 */
#ifndef WEIR_TOOLS_POLICY_JOB_H
#define WEIR_TOOLS_POLICY_JOB_H

struct config;
struct err;
struct ev_loop;
struct policy_job;
struct policy_tables;
struct registry;

/* In the loop, once: what policy_load() returned, and for 0 its tables, which are taken over. */
typedef void policy_job_fn(void *context, int result, struct policy_tables *made,
			   const struct err *err);

/*
 * Configuration and registries must stay as they are until `done` is called, after which the job is
 * gone, or until it is freed. -ENOMEM, -EAGAIN: there is no thread to be had.
 */
int policy_job_start(struct policy_job **out, struct ev_loop *loop, const struct config *c,
		     const struct registry *rules, const struct registry *backends,
		     policy_job_fn *done, void *context, struct err *err);

/* Waits for the thread, and forgets what it has made; `done` is not called. NULL too. */
void policy_job_free(struct policy_job *j);

#endif
