// SPDX-License-Identifier: BSD-2-Clause
/* Backends that are set by hand, over the API. */
#include "tools/weir/override.h"

#include "tests/unit/api_talk.h"

/* Sends a PATCH; what came back, with ' for ". NULL: it was refused with `code` and the words. */
static void expect_patch(const char *path, const char *body, int code, const char *words)
{
	json_t *answer = NULL;
	struct err err = {.text = ""};
	int r = client_patch(socket_path, path, body, &answer, &err);
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	for (char *c = text; c && *c; c++)
		*c = *c == '"' ? '\'' : *c;
	if (r != code || !strstr(text ? text : err.text, words))
		fail_msg("%s %s: %d, %s", path, body, r, text ? text : err.text);
	free(text);
	json_decref(answer);
}

static void test_state_and_weight(void **state)
{
	expect_patch("/v1/backends/web/b1", "{\"state\":\"drain\"}", 0,
		     "{'service':'web','name':'b1','state':'drain','weight':100,'set':'drain'}");
	assert_int_equal(controls[0].force, FORCE_DRAIN);
	assert_int_equal(controls[0].has_weight, 0);
	expect_patch("/v1/backends/web/b1", "{\"weight\":7,\"state\":\"down\"}", 0,
		     "'state':'down','weight':7");
	expect_patch("/v1/backends/web/b1", "{\"weight\":0}", 0, "'state':'down','weight':0");
	expect_patch("/v1/backends/web/b1", "{\"state\":\"alive\"}", 0, "'set':'alive'");
	expect_patch("/v1/backends/web/b1", "{\"state\":\"up\"}", 0, "'state':'up'");
	assert_int_equal(publishes, 5);
	assert_int_equal(controls[1].force, FORCE_NONE);
}

static void test_what_is_refused(void **state)
{
	static const struct {
		const char *path, *body;
		int code;
		const char *words;
	} rows[] = {
		{"/v1/backends/wbe/b1", "{\"weight\":1}", -EIO, "there is no service 'wbe'"},
		{"/v1/backends/web/b9", "{\"weight\":1}", -EIO, "'web' has no backend 'b9'"},
		{"/v1/backends/web", "{\"weight\":1}", -EIO,
		 "there is nothing at /v1/backends/web;"},
		{"/v1/backends/web/b1", "", -EINVAL, "not valid JSON"},
		{"/v1/backends/web/b1", "{\"weight\":1", -EINVAL, "not valid JSON"},
		{"/v1/backends/web/b1", "{\"weight\":1,\"weight\":2}", -EINVAL, "duplicate"},
		{"/v1/backends/web/b1", "[]", -EINVAL, "an object with state, weight or both"},
		{"/v1/backends/web/b1", "{}", -EINVAL, "an object with state, weight or both"},
		{"/v1/backends/web/b1", "{\"weight\":-1}", -EINVAL, "weight: expected a whole"},
		{"/v1/backends/web/b1", "{\"weight\":65536}", -EINVAL, "from 0 to 65535"},
		{"/v1/backends/web/b1", "{\"weight\":\"1\"}", -EINVAL, "weight: expected a whole"},
		{"/v1/backends/web/b1", "{\"state\":\"off\"}", -EINVAL,
		 "state: expected up, drain, down or alive, found 'off'"},
		{"/v1/backends/web/b1", "{\"state\":1}", -EINVAL, "state: expected up"},
		{"/v1/backends/web/b1", "{\"weight\":1,\"wait\":1}", -EINVAL, "wait: unknown key"},
	};
	struct backend_control before[8];
	memcpy(before, controls, sizeof(before));
	publishes = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_patch(rows[i].path, rows[i].body, rows[i].code, rows[i].words);
	assert_int_equal(publishes, 0);
	assert_memory_equal(before, controls, sizeof(before));
}

static void test_what_can_not_be_published_is_not_kept(void **state)
{
	struct backend_control before = controls[0];
	publish_result = -ENOMEM;
	expect_patch("/v1/backends/web/b1", "{\"weight\":9}", -EIO, "not enough memory");
	publish_result = 0;
	assert_memory_equal(&before, &controls[0], sizeof(before));
}

static void test_long_body(void **state)
{
	char body[20000];
	memset(body, ' ', sizeof(body));
	body[sizeof(body) - 1] = 0;
	expect_patch("/v1/backends/web/b1", body, -EIO, "at most 16384 bytes");
}

static void test_overrides_end(void **state)
{
	controls[0] = (struct backend_control){.force = FORCE_DOWN, .has_weight = 1, .weight = 4};
	controls[1] = (struct backend_control){.force = FORCE_ALIVE, .failed = 1};
	struct backend_control *c = overrides_ended(&d);
	assert_non_null(c);
	assert_memory_equal(&c[0], &(struct backend_control){0}, sizeof(*c));
	assert_memory_equal(&c[1], &(struct backend_control){.failed = 1}, sizeof(*c));
	free(c);
	memset(controls, 0, sizeof(controls));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_and_weight),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_what_can_not_be_published_is_not_kept),
		cmocka_unit_test(test_long_body),
		cmocka_unit_test(test_overrides_end),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
