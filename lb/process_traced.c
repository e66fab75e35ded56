// SPDX-License-Identifier: BSD-2-Clause
/* lb_process() once more, telling what it does. A second text of it would decide otherwise one day.
 */
#define LB_TRACED
#define lb_process lb_process_traced
#define lb_release lb_release_traced
#include "lb/process.c" // NOLINT(bugprone-suspicious-include): see above
