// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lines are built in one buffer and written with one call, so that those of two processes do not
 * mix. A value may hold anything (names come from files): control characters become spaces, so
 * an event can't be made to look like two.
 */
#include "tools/weir/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "datapath/message.h"

#define LINE_BYTES 2048

static enum log_priority least_urgent = LOG_PRIORITY_INFO;

void log_set_level(enum log_priority least)
{
	least_urgent = least;
}

/* systemd.exec(5): JOURNAL_STREAM is the device and inode of the stream to the journal. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return false;
	return !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

static const char *priority_word(enum log_priority priority)
{
	switch (priority) {
	case LOG_PRIORITY_ERROR:
		return "error: ";
	case LOG_PRIORITY_WARN:
		return "warning: ";
	case LOG_PRIORITY_DEBUG:
		return "debug: ";
	case LOG_PRIORITY_INFO:
		break;
	}
	return "";
}

const char *log_prefix(enum log_priority priority)
{
	static const char *const numbers[] = {"<0>", "<1>", "<2>", "<3>",
					      "<4>", "<5>", "<6>", "<7>"};
	static int journal = -1;
	if (journal < 0)
		journal = stderr_is_journal();
	return journal ? numbers[priority] : priority_word(priority);
}

static void write_line(enum log_priority priority, const char *text)
{
	char line[LINE_BYTES + 16];
	size_t start, length;
	snprintf(line, sizeof(line), "%s", log_prefix(priority));
	start = strlen(line);
	snprintf(line + start, sizeof(line) - start - 1, "%s", text);
	length = strlen(line);
	while (length > start && isspace((unsigned char)line[length - 1]))
		length--;
	for (size_t i = start; i < length; i++)
		if (iscntrl((unsigned char)line[i]))
			line[i] = ' ';
	line[length++] = '\n';
	/* There is nobody to tell that the log can't be written. */
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}

static bool site_allows(struct log_site *site, uint32_t *suppressed)
{
	struct timespec now;
	uint64_t now_ns;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec;
	if (!site->window_ns || now_ns - site->window_ns > LOG_WINDOW_NS) {
		site->window_ns = now_ns;
		site->lines = 0;
	}
	if (site->lines >= LOG_BURST) {
		site->suppressed++;
		return false;
	}
	site->lines++;
	*suppressed = site->suppressed;
	site->suppressed = 0;
	return true;
}

void log_event(struct log_site *site, enum log_priority priority, const char *event,
	       const char *pairs, ...)
{
	char text[LINE_BYTES];
	uint32_t suppressed = 0;
	va_list ap;
	int n;
	if (priority > least_urgent || !site_allows(site, &suppressed))
		return;
	n = snprintf(text, sizeof(text), "%s", event);
	if (n >= 0 && (size_t)n < sizeof(text)) {
		va_start(ap, pairs);
		vsnprintf(text + n, sizeof(text) - n, pairs, ap);
		va_end(ap);
	}
	n = strlen(text);
	while (n > 0 && text[n - 1] == ' ')
		n--;
	if (suppressed)
		snprintf(text + n, sizeof(text) - n, " suppressed=%u", suppressed);
	write_line(priority, text);
}

/* Several lines at a time, some long: the verifier's log comes as one message. */
__attribute__((format(printf, 2, 0))) static void log_library(bool warning, const char *format,
							      va_list ap)
{
	enum log_priority priority = warning ? LOG_PRIORITY_INFO : LOG_PRIORITY_DEBUG;
	char *text, *rest, *part;
	if (priority > least_urgent || vasprintf(&text, format, ap) < 0)
		return;
	rest = text;
	while ((part = strsep(&rest, "\n")))
		if (*part)
			write_line(priority, part);
	free(text);
}

void log_hook(void)
{
	message_hook(log_library);
}
