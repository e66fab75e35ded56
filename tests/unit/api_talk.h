/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests to the API of tests/unit/daemon_double.h, and what is expected of the answers. To be
 * included once in a test program.
 */
#ifndef WEIR_TESTS_API_TALK_H
#define WEIR_TESTS_API_TALK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lb/err.h"
#include "tests/unit/daemon_double.h"
#include "tools/weir/client.h"

/* Compares with JSON written with ' for ", which may leave out members. */
static inline bool json_covers(json_t *got, json_t *want)
{
	const char *key;
	json_t *value;
	size_t i;
	if (!json_is_object(want) && !json_is_array(want))
		return json_equal(got, want);
	json_object_foreach(want, key,
			    value) if (!json_covers(json_object_get(got, key), value)) return false;
	json_array_foreach(want, i,
			   value) if (!json_covers(json_array_get(got, i), value)) return false;
	return json_is_object(want) || json_array_size(got) == json_array_size(want);
}

static inline void expect(const char *path, const char *text)
{
	struct err err;
	json_t *got, *want;
	char *quoted = strdup(text);
	for (char *c = quoted; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	want = json_loads(quoted, JSON_DECODE_ANY, NULL);
	assert_non_null(want);
	if (client_get(socket_path, path, &got, &err))
		fail_msg("%s", err.text);
	if (!json_covers(got, want))
		fail_msg("%s: got %s\nwant %s", path, json_dumps(got, 0), quoted);
	json_decref(got);
	json_decref(want);
	free(quoted);
}

/* Sends bytes as they are. */
static inline int talk_begin(const char *request)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, socket_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	return fd;
}

/* The answer, in a static buffer. */
static inline const char *talk_end(int fd)
{
	static char answer[65536];
	size_t n = 0;
	ssize_t more;
	while ((more = read(fd, answer + n, sizeof(answer) - 1 - n)) > 0)
		n += more;
	answer[n] = 0;
	close(fd);
	return answer;
}

static inline const char *talk(const char *request)
{
	return talk_end(talk_begin(request));
}

#define REQUEST(line) line " HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n"

static inline void expect_answer(const char *request, const char *status, const char *part)
{
	const char *answer = talk(request);
	if (strncmp(answer + strlen("HTTP/1.1 "), status, 3) || !strstr(answer, part))
		fail_msg("%s\nanswered: %s", request, answer);
}

#endif
