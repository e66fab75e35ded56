// SPDX-License-Identifier: BSD-2-Clause
/*
 * Policies that are loaded by a thread (tools/weir/policy_job.h), from lists in files, with a
 * double of the kernel's part: that begins only once the loop has turned beside it, so a job that
 * has the loop wait would never end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "lb/registry.h"
#include "tests/unit/fixture.h"
#include "tests/unit/scratch.h"
#include "tools/weir/policy_job.h"

#define TURNS     3  /* of the loop, while the kernel's part is under way */
#define PATIENT_S 20 /* a job that does not end fails the test */

/* --- the kernel's part -------------------------------------------------------------------------
 */

static pthread_t loop_thread;
static int turns, begun, fill_fault; /* of the loop; fillings; what those return */
static int closed_elsewhere, closed_here;

static int load_of(int *n)
{
	return __atomic_load_n(n, __ATOMIC_ACQUIRE);
}

int policy_stage_fill(struct policy_stage *s, const struct policy_tables *p, struct err *err)
{
	int before = load_of(&turns);
	assert_false(pthread_equal(pthread_self(), loop_thread));
	__atomic_add_fetch(&begun, 1, __ATOMIC_RELEASE);
	while (load_of(&turns) < before + TURNS)
		usleep(100);
	if (fill_fault)
		return err_set(err, -fill_fault, "the kernel can't");
	s->filled = true;
	s->of = p;
	return 0;
}

void policy_stage_close(struct policy_stage *s)
{
	if (s->filled && pthread_equal(pthread_self(), loop_thread))
		closed_here++;
	else if (s->filled)
		closed_elsewhere++;
	*s = (struct policy_stage){};
}

/* --- a job -------------------------------------------------------------------------------------
 */

struct bed {
	struct ev_loop *loop;
	ev_timer turn, late;
	struct config *config;
	struct registry *rules, *backends;
	struct policy_job *job;
	struct policy_tables *made;
	int result, done, over;
	bool was_staged; /* as `done` was called */
	struct err err;
};

static void on_turn(struct ev_loop *loop, ev_timer *w, int events)
{
	__atomic_add_fetch(&turns, 1, __ATOMIC_RELEASE);
}

static void on_late(struct ev_loop *loop, ev_timer *w, int events)
{
	fail_msg("the job did not end within %d s", PATIENT_S);
}

static void on_done(void *context, int result, struct policy_tables *made, const struct err *err)
{
	struct bed *b = context;
	const struct policy_stage *stage = policy_job_stage(b->job);
	assert_int_equal(b->over, 0);
	assert_true(policy_job_is_loaded(b->job));
	b->done++;
	b->result = result;
	b->made = made;
	b->err = *err;
	b->was_staged = stage->filled && stage->of == made;
}

static void on_over(void *context)
{
	struct bed *b = context;
	b->over++;
	b->job = NULL;
	ev_break(b->loop, EVBREAK_ALL);
}

static void start(struct bed *b, struct policy_tables *before)
{
	const struct policy_work work = {
		.config = b->config,
		.rules = b->rules,
		.backends = b->backends,
		.before = before,
		.done = on_done,
		.over = on_over,
		.context = b,
	};
	struct err err;
	b->done = b->over = 0;
	assert_int_equal(policy_job_start(&b->job, b->loop, &work, &err), 0);
	assert_false(policy_job_is_loaded(b->job));
}

static void run(struct bed *b, struct policy_tables *before)
{
	start(b, before);
	ev_run(b->loop, 0);
	assert_int_equal(b->done, 1);
	assert_int_equal(b->over, 1);
	assert_null(b->job);
}

static void write_list(const char *text)
{
	scratch_write("list.txt", text, strlen(text));
}

static int setup(void **state)
{
	static struct bed b;
	char yaml[1024];
	struct err err;
	scratch_open();
	write_list("192.0.2.0/24\n198.51.100.7\n");
	snprintf(yaml, sizeof(yaml),
		 "interfaces: [{name: eth0}]\nservices: []\nsources: {listed: {file: %s}}\n"
		 "policy: {rules: [{name: no, from: listed, to: any, action: drop}]}\n",
		 scratch_path("list.txt"));
	b = (struct bed){.loop = ev_loop_new(0), .config = fixture_config(yaml)};
	b.rules = registry_new(64);
	b.backends = registry_new(64);
	assert_int_equal(policy_assign_ids(b.config, b.rules, &err), 0);
	loop_thread = pthread_self();
	begun = fill_fault = closed_here = closed_elsewhere = 0;
	ev_timer_init(&b.turn, on_turn, 0.001, 0.001);
	ev_timer_init(&b.late, on_late, PATIENT_S, 0);
	ev_timer_start(b.loop, &b.turn);
	ev_timer_start(b.loop, &b.late);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;
	ev_loop_destroy(b->loop);
	registry_free(b->rules);
	registry_free(b->backends);
	config_free(b->config);
	scratch_close();
	return 0;
}

/* --- tests -------------------------------------------------------------------------------------
 */

static void test_the_loop_turns_meanwhile(void **state)
{
	struct bed *b = *state;
	run(b, NULL);
	assert_int_equal(b->result, 0);
	assert_int_equal(b->made->sources.prefix_count, 2);
	assert_true(b->was_staged);
	assert_int_equal(begun, 1);
	assert_int_equal(closed_elsewhere, 1);
	assert_int_equal(closed_here, 0);
	policy_free(b->made);
}

/* There is nothing to be put into the kernel, nor to be kept twice. */
static void test_the_same_once_more(void **state)
{
	struct bed *b = *state;
	run(b, NULL);
	struct policy_tables *first = b->made;
	run(b, first);
	assert_ptr_equal(b->made, first);
	assert_int_equal(first->references, 2);
	assert_int_equal(begun, 1);
	policy_free(b->made);
	write_list("192.0.2.0/24\n");
	run(b, first);
	assert_ptr_not_equal(b->made, first);
	assert_int_equal(first->references, 1);
	assert_int_equal(b->made->sources.prefix_count, 1);
	assert_int_equal(begun, 2);
	policy_free(b->made);
	policy_free(first);
}

static void test_bad_lists(void **state)
{
	struct bed *b = *state;
	run(b, NULL);
	struct policy_tables *first = b->made;
	write_list("192.0.2.0/24\n192.0.2.300\n");
	run(b, first);
	assert_int_equal(b->result, -EINVAL);
	assert_null(b->made);
	assert_non_null(strstr(b->err.text, "192.0.2.300"));
	assert_int_equal(first->references, 1);
	assert_int_equal(begun, 1);
	policy_free(first);
}

static void test_the_kernel_can_not(void **state)
{
	struct bed *b = *state;
	fill_fault = -ENOMEM;
	run(b, NULL);
	assert_int_equal(b->result, -ENOMEM);
	assert_null(b->made);
	assert_string_equal(b->err.text, "the kernel can't");
	assert_int_equal(closed_here + closed_elsewhere, 0);
}

static void test_the_end_in_the_middle(void **state)
{
	struct bed *b = *state;
	start(b, NULL);
	while (!load_of(&begun))
		usleep(100);
	__atomic_add_fetch(&turns, TURNS, __ATOMIC_RELEASE);
	policy_job_free(b->job);
	ev_run(b->loop, EVRUN_NOWAIT);
	assert_int_equal(b->done, 0);
	assert_int_equal(b->over, 0);
	assert_int_equal(closed_here, 1);
	policy_job_free(NULL);
}

/* A pipe that nobody writes to has no end: who ends the job does not wait for one. */
static void test_the_end_in_a_pipe(void **state)
{
	struct bed *b = *state;
	assert_int_equal(unlink(scratch_path("list.txt")), 0);
	assert_int_equal(mkfifo(scratch_path("list.txt"), 0600), 0);
	alarm(PATIENT_S);
	start(b, NULL);
	for (int i = 0; i < TURNS; i++)
		ev_run(b->loop, EVRUN_ONCE);
	policy_job_free(b->job);
	alarm(0);
	ev_run(b->loop, EVRUN_NOWAIT);
	assert_int_equal(b->done + b->over + begun, 0);
}

/* It is read to its end, however late it comes. */
static void test_a_pipe_that_is_slow(void **state)
{
	struct bed *b = *state;
	assert_int_equal(unlink(scratch_path("list.txt")), 0);
	assert_int_equal(mkfifo(scratch_path("list.txt"), 0600), 0);
	alarm(PATIENT_S);
	start(b, NULL);
	int fd = open(scratch_path("list.txt"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, "192.0.2.0/24\n198.51.", 20), 20);
	for (int i = 0; i < TURNS; i++)
		ev_run(b->loop, EVRUN_ONCE);
	assert_int_equal(write(fd, "100.7\n", 6), 6);
	close(fd);
	ev_run(b->loop, 0);
	alarm(0);
	assert_int_equal(b->result, 0);
	assert_int_equal(b->made->sources.prefix_count, 2);
	policy_free(b->made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_loop_turns_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_same_once_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_kernel_can_not, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_end_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_end_in_a_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_pipe_that_is_slow, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
