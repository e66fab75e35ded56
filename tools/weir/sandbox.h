/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system calls that the daemon may make: those it has use for, and no others (seccomp). A call
 * that is not among them fails with EPERM, and is named in the log the first time: a bug of ours, a
 * library that has changed, or somebody who has got in.
 */
#ifndef WEIR_TOOLS_SANDBOX_H
#define WEIR_TOOLS_SANDBOX_H

struct err;

/*
 * From now on, for this thread and all that it starts, for good. Before there are threads. A build
 * with AddressSanitizer is not confined: at its end it looks at its own memory by ptrace().
 */
int sandbox_enter(struct err *err);

#endif
