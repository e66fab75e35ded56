// SPDX-License-Identifier: BSD-2-Clause
#include "bench/stop.h"

#include <signal.h>

static volatile sig_atomic_t wanted;

static void note(int signal)
{
	wanted = 1;
}

void stop_watch(void)
{
	struct sigaction action = {.sa_handler = note};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool stop_is_wanted(void)
{
	return wanted;
}
