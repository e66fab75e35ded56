/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program's log on stderr: one line an event, words first, then key=value pairs:
 *
 *   log_warn("backend unreachable", "backend=%s/%s", service, backend);
 *   log_info("ready");
 *
 * The format is a literal. Priorities are the `<N>` prefixes of sd-daemon(3) where stderr is the
 * journal, else words. A call site that repeats itself is held to LOG_BURST lines in a window; the
 * next line it may write says how many were suppressed. Control thread.
 */
#ifndef WEIR_TOOLS_LOG_H
#define WEIR_TOOLS_LOG_H

#include <stdint.h>

#define LOG_BURST     20u
#define LOG_WINDOW_NS 5000000000ull

/* Numbers of syslog(3). */
enum log_priority {
	LOG_PRIORITY_ERROR = 3,
	LOG_PRIORITY_WARN = 4,
	LOG_PRIORITY_INFO = 6,
	LOG_PRIORITY_DEBUG = 7
};

/* The rate limit of one call site. */
struct log_site {
	uint64_t window_ns; /* when it began */
	uint32_t lines, suppressed;
};

/* Writes what is at least as urgent as this; INFO at first. */
void log_set_level(enum log_priority least);

__attribute__((format(printf, 4, 5))) void log_event(struct log_site *site,
						     enum log_priority priority, const char *event,
						     const char *pairs, ...);

#define LOG_EVENT(priority, event, ...)                                 \
	do {                                                            \
		static struct log_site log_here;                        \
		log_event(&log_here, priority, event, " " __VA_ARGS__); \
	} while (0)

#define log_error(event, ...) LOG_EVENT(LOG_PRIORITY_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  LOG_EVENT(LOG_PRIORITY_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  LOG_EVENT(LOG_PRIORITY_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) LOG_EVENT(LOG_PRIORITY_DEBUG, event, __VA_ARGS__)

/* What a line of that priority begins with. May be called by signal handlers, after a first call.
 */
const char *log_prefix(enum log_priority priority);

/* Sends what libbpf and libxdp have to say to this log, one level less urgent. */
void log_hook(void);

#endif
