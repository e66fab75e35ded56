/* SPDX-License-Identifier: BSD-2-Clause */
/* Judges the facts of one interface; part of diagnose(). */
#ifndef WEIR_TOOLS_NIC_DIAGNOSIS_H
#define WEIR_TOOLS_NIC_DIAGNOSIS_H

struct facts;
struct findings;
struct nic_facts;

/* `n` is one of the interfaces of `f`. */
void diagnose_nic(const struct facts *f, const struct nic_facts *n, struct findings *out);

#endif
