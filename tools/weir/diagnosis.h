/* SPDX-License-Identifier: BSD-2-Clause */
/* Judges facts. Pure: facts in, findings out. */
#ifndef WEIR_TOOLS_DIAGNOSIS_H
#define WEIR_TOOLS_DIAGNOSIS_H

struct facts;
struct findings;

/* One finding or more of each check, in the order a packet meets what they are about. */
void diagnose(const struct facts *f, struct findings *out);

#endif
