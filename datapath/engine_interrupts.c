// SPDX-License-Identifier: BSD-2-Clause
/*
 * With `workers: {pin_interrupts: true}` each queue's interrupts go to one CPU: in turn to those
 * that have no worker, which is what workers that sleep want; to the workers' where they poll all
 * the time, or where there are no others. What moves interrupts meanwhile (irqbalance) is
 * corrected. Control thread.
 */
#include "datapath/engine_state.h"
#include "datapath/interrupts.h"
#include "datapath/sysfs.h"

#define MOST        1024u
#define EVERY_TICKS 50 /* of 100 ms */

/* The CPUs that may take interrupts, ascending. */
static unsigned int find_targets(const struct engine *e, int cpus[CPU_SETSIZE])
{
	cpu_set_t allowed, workers, others;
	unsigned int count = 0;
	CPU_ZERO(&workers);
	for (uint32_t i = 0; i < e->worker_count; i++)
		CPU_SET(e->workers[i].cpu, &workers);
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		allowed = workers;
	CPU_OR(&others, &allowed, &workers);
	CPU_XOR(&others, &others, &workers);
	bool beside = CPU_COUNT(&others) && e->workers[0].poll != POLL_BUSY;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, beside ? &others : &workers))
			cpus[count++] = cpu;
	return count;
}

/* `all`: those too that are where they should be, so that it is known where they were. */
static void pin(const struct port *p, const int *cpus, unsigned int cpu_count, bool all)
{
	uint32_t irqs[MOST];
	unsigned int count = interrupts_list(p->bus, irqs, MOST);
	for (unsigned int i = 0; i < count && i < MOST; i++) {
		int queue = interrupts_queue(irqs[i]);
		int cpu = cpus[queue < 0 ? 0 : queue % cpu_count];
		if (queue >= 0 && (all || !interrupts_is_at(irqs[i], cpu)))
			(void)sysfs_write(p->name, SYSFS_INTERRUPT,
					  SYSFS_INTERRUPT_AT(irqs[i], cpu));
	}
}

static void pin_ports(const struct engine *e, bool all)
{
	int cpus[CPU_SETSIZE];
	unsigned int count = find_targets(e, cpus);
	for (uint32_t i = 0; count && i < e->port_count; i++)
		if (e->ports[i].there && e->ports[i].bus[0])
			pin(&e->ports[i], cpus, count, all);
}

void engine_pin_interrupts(struct engine *e)
{
	if (!e->pin_interrupts || !e->workers || e->pin_wait-- > 0)
		return;
	e->pin_wait = EVERY_TICKS;
	pin_ports(e, false);
}

void engine_choose_pinning(struct engine *e)
{
	if (e->pin_interrupts) /* those of an interface that is not served any more, too */
		(void)sysfs_write("", SYSFS_INTERRUPTS_BACK, 0);
	e->pin_interrupts = e->config->pin_interrupts;
	e->pin_wait = EVERY_TICKS;
	if (e->pin_interrupts && e->workers)
		pin_ports(e, true);
}
