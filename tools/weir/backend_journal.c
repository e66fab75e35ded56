// SPDX-License-Identifier: BSD-2-Clause
/* Written whole, to another name, and renamed: a reader finds the old one or the new one. */
#include "tools/weir/backend_journal.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lb/err.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define FOLDER "/run/weir"

/* A number that no other network namespace has had; 0 on kernels that have none. */
static uint64_t netns_cookie(void)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size))
		cookie = 0;
	if (fd >= 0)
		close(fd);
	return cookie;
}

int backend_journal_open(struct backend_journal *j, struct err *err)
{
	struct stat netns;
	json_error_t fault;
	*j = (struct backend_journal){0};
	if (stat("/proc/self/ns/net", &netns))
		return err_set(err, errno, "can't tell this network namespace: %m");
	unsigned long number = netns.st_ino;
	snprintf(j->pins, sizeof(j->pins), "backend@%lu", number);
	snprintf(j->path, sizeof(j->path), FOLDER "/backend-%lu.json", number);
	if (access(j->path, F_OK))
		return 0;
	j->text = json_load_file(j->path, 0, &fault);
	if (!j->text || !json_is_object(json_object_get(j->text, "options")) ||
	    !json_is_array(json_object_get(j->text, "undo"))) {
		backend_journal_close(j);
		return err_set(err, EINVAL,
			       "%s is damaged (%s): what it says has to be undone by "
			       "hand; then remove it",
			       j->path, fault.text[0] ? fault.text : "keys are missing");
	}
	uint64_t cookie = json_integer_value(json_object_get(j->text, "netns"));
	j->is_for_us = cookie == netns_cookie();
	return 0;
}

void backend_journal_close(struct backend_journal *j)
{
	json_decref(j->text);
	j->text = NULL;
}

static int save(struct backend_journal *j, struct err *err)
{
	char next[sizeof(j->path) + 8];
	snprintf(next, sizeof(next), "%s.new", j->path);
	if (mkdir(FOLDER, 0755) && errno != EEXIST)
		return err_set(err, errno, "can't make " FOLDER ": %m");
	if (json_dump_file(j->text, next, JSON_INDENT(1)) || rename(next, j->path)) {
		int code = errno ? errno : EIO;
		unlink(next);
		return err_set(err, code, "can't write %s: %s", j->path, strerror(code));
	}
	return 0;
}

int backend_journal_begin(struct backend_journal *j, json_t *options, struct err *err)
{
	json_decref(j->text);
	j->is_for_us = true;
	j->text = json_pack("{s:I, s:o, s:[]}", "netns", (json_int_t)netns_cookie(), "options",
			    options, "undo");
	return j->text ? save(j, err) : err_set(err, ENOMEM, "not enough memory");
}

int backend_journal_add(struct backend_journal *j, json_t *undo, struct err *err)
{
	json_t *all = json_object_get(j->text, "undo"), *there;
	size_t i;
	json_array_foreach(all, i, there)
	{
		if (!json_equal(there, undo))
			continue;
		json_decref(undo);
		return 0;
	}
	if (json_array_append_new(all, undo))
		return err_set(err, ENOMEM, "not enough memory");
	return save(j, err);
}

void backend_journal_drop_last(struct backend_journal *j)
{
	json_t *all = json_object_get(j->text, "undo");
	json_array_remove(all, json_array_size(all) - 1);
	save(j, NULL);
}

void backend_journal_remove(struct backend_journal *j)
{
	unlink(j->path);
	rmdir(FOLDER); /* stays while anything else is there */
	backend_journal_close(j);
}
