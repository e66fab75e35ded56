// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each step is written into the journal before it is made, and finds out by itself whether there is
 * anything to do; so all of them can be made again.
 */
#include "tools/weir/backend.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/decap.h"
#include "datapath/pins.h"
#include "datapath/port_ranges.h"
#include "lb/addr.h"
#include "lb/err.h"
#include "tools/weir/backend_journal.h"
#include "tools/weir/listener.h"
#include "tools/weir/rtnetlink.h"

#define SYSCTL_ROOT "/proc/sys/net/"
#define VALUE_TEXT  32
#define LOOPBACK    "lo"

/* What a step has at hand. */
struct steps {
	struct backend_journal *journal;
	const struct backend_options *options;
	void (*note)(const char *text);
	struct pins pins;
	struct rtnetlink netlink;
};

/* --- settings of the kernel ------------------------------------------------------------------ */

static int read_setting(const char *key, char value[VALUE_TEXT])
{
	char path[160];
	snprintf(path, sizeof(path), SYSCTL_ROOT "%s", key);
	FILE *f = fopen(path, "re");
	if (!f)
		return -errno;
	bool read = fgets(value, VALUE_TEXT, f) != NULL;
	fclose(f);
	if (!read)
		return -EIO;
	value[strcspn(value, "\n")] = 0;
	return 0;
}

static int write_setting(const char *key, const char *value)
{
	char path[160];
	snprintf(path, sizeof(path), SYSCTL_ROOT "%s", key);
	FILE *f = fopen(path, "we");
	if (!f)
		return -errno;
	int r = fputs(value, f) < 0 ? -EIO : 0;
	if (fclose(f) && !r)
		r = -errno;
	return r;
}

static long setting(const char *key)
{
	char value[VALUE_TEXT];
	long n = -1;
	if (read_setting(key, value) || sscanf(value, "%ld", &n) != 1)
		return -1;
	return n;
}

static int change_setting(struct steps *s, const char *key, const char *value, struct err *err)
{
	char before[VALUE_TEXT];
	int r = read_setting(key, before);
	if (r)
		return err_set(err, -r, "can't read net/%s: %s", key, strerror(-r));
	if (!strcmp(before, value))
		return 0;
	r = backend_journal_add(s->journal,
				json_pack("{s:s, s:s, s:s, s:s}", "kind", "setting", "key", key,
					  "before", before, "after", value),
				err);
	if (r)
		return r;
	r = write_setting(key, value);
	return r ? err_set(err, -r, "can't set net/%s to %s: %s", key, value, strerror(-r)) : 0;
}

static bool has_ipv4(const struct backend_options *o)
{
	for (uint32_t i = 0; i < o->vip_count; i++)
		if (addr_is_v4(&o->vips[i]))
			return true;
	return false;
}

/*
 * A backend must not answer ARP for the VIP, nor ask with it as its own address. Where packets come
 * out of a tunnel, the way back to the client need not be the one they came by.
 */
static int change_settings(struct steps *s, struct err *err)
{
	const struct backend_options *o = s->options;
	char key[80];
	int r = 0;
	if (!has_ipv4(o))
		return 0;
	if (setting("ipv4/conf/all/arp_ignore") < 1)
		r = change_setting(s, "ipv4/conf/all/arp_ignore", "1", err);
	if (!r && setting("ipv4/conf/all/arp_announce") < 2)
		r = change_setting(s, "ipv4/conf/all/arp_announce", "2", err);
	snprintf(key, sizeof(key), "ipv4/conf/%s/rp_filter", o->interface);
	if (!r && o->tunnel != FORWARD_DSR && setting(key) != 2 &&
	    (setting(key) == 1 || setting("ipv4/conf/all/rp_filter") == 1))
		r = change_setting(s, key, "2", err);
	return r;
}

/* --- addresses ------------------------------------------------------------------------------- */

static int add_vip(struct steps *s, const struct addr *vip, struct err *err)
{
	char text[ADDR_TEXT];
	int lo = if_nametoindex(LOOPBACK);
	json_t *undo =
		json_pack("{s:s, s:s}", "kind", "address", "address", addr_format(vip, text));
	size_t before = json_array_size(json_object_get(s->journal->text, "undo"));
	int r = backend_journal_add(s->journal, undo, err);
	if (r)
		return r;
	bool is_new = json_array_size(json_object_get(s->journal->text, "undo")) > before;
	r = rtnetlink_add_address(&s->netlink, lo, vip);
	if (r == -EEXIST && is_new)
		backend_journal_drop_last(s->journal); /* it was there before us, and stays */
	if (!r || r == -EEXIST)
		return 0;
	return err_set(err, -r, "can't give " LOOPBACK " the address %s: %s", text, strerror(-r));
}

static int add_vips(struct steps *s, struct err *err)
{
	int r = 0;
	for (uint32_t i = 0; i < s->options->vip_count && !r; i++)
		r = add_vip(s, &s->options->vips[i], err);
	return r;
}

/* --- programs -------------------------------------------------------------------------------- */

static int attach_decap(struct steps *s, struct err *err)
{
	const struct backend_options *o = s->options;
	struct decap_input in = {
		.kind = o->tunnel,
		.interface = o->interface,
		.ifindex = if_nametoindex(o->interface),
		.vips = o->vips,
		.vip_count = o->vip_count,
		.balancers = o->balancers,
		.balancer_count = o->balancer_count,
	};
	if (!in.ifindex)
		return err_set(err, ENODEV, "there is no interface %s", o->interface);
	return decap_attach(&s->pins, &in, err);
}

static int take_socket(struct steps *s, uint32_t index, bool v6, struct err *err)
{
	const struct backend_ports *p = &s->options->ports[index];
	int fd = listener_find(p->range.protocol, p->socket_port, v6, err);
	if (fd < 0)
		return fd;
	int r = port_ranges_set_socket(&s->pins, index, v6, fd, err);
	close(fd);
	return r;
}

static void note_no_server(struct steps *s, const struct backend_ports *p)
{
	char text[160];
	snprintf(text, sizeof(text),
		 "no server listens at %s port %u: start it, then do this again, or ports %u-%u "
		 "are nobody's",
		 p->range.protocol == IPPROTO_TCP ? "tcp" : "udp", p->socket_port, p->range.first,
		 p->range.last);
	s->note(text);
}

static int attach_ports(struct steps *s, struct err *err)
{
	const struct backend_options *o = s->options;
	struct port_range ranges[PORT_RANGE_MAX];
	for (uint32_t i = 0; i < o->port_count; i++)
		ranges[i] = o->ports[i].range;
	int r = port_ranges_attach(&s->pins, ranges, o->port_count, o->vips, o->vip_count, err);
	for (uint32_t i = 0; i < o->port_count && !r; i++) {
		int v4 = take_socket(s, i, false, err), v6 = take_socket(s, i, true, err);
		if (v4 == -ENOENT && v6 == -ENOENT)
			note_no_server(s, &o->ports[i]);
		r = v4 && v4 != -ENOENT ? v4 : v6 && v6 != -ENOENT ? v6 : 0;
	}
	return r;
}

static int attach_programs(struct steps *s, struct err *err)
{
	const struct backend_options *o = s->options;
	if (o->tunnel == FORWARD_DSR && !o->port_count)
		return 0;
	int r = backend_journal_add(s->journal, json_pack("{s:s}", "kind", "pins"), err);
	r = r ? r : pins_open(&s->pins, s->journal->pins, err);
	if (!r && o->tunnel != FORWARD_DSR)
		r = attach_decap(s, err);
	if (!r && o->port_count)
		r = attach_ports(s, err);
	return r;
}

/* --- undoing --------------------------------------------------------------------------------- */

/* What somebody has changed since is theirs. */
static int undo_setting(struct steps *s, const json_t *undo)
{
	const char *key, *before, *after;
	char now[VALUE_TEXT], text[160];
	if (json_unpack((json_t *)undo, "{s:s, s:s, s:s}", "key", &key, "before", &before, "after",
			&after))
		return -EINVAL;
	int r = read_setting(key, now);
	if (r == -ENOENT)
		return 0; /* its interface is gone */
	if (r || !strcmp(now, before))
		return r;
	if (strcmp(now, after)) {
		snprintf(text, sizeof(text), "net/%s is %s by now, and stays so (it was %s)", key,
			 now, before);
		s->note(text);
		return 0;
	}
	return write_setting(key, before);
}

static int undo_address(struct steps *s, const json_t *undo)
{
	struct addr vip;
	const char *text = json_string_value(json_object_get(undo, "address"));
	if (!text || addr_parse(text, &vip))
		return -EINVAL;
	int r = rtnetlink_delete_address(&s->netlink, if_nametoindex(LOOPBACK), &vip);
	return r == -EADDRNOTAVAIL ? 0 : r;
}

static int undo_pins(struct steps *s)
{
	int r = pins_open(&s->pins, s->journal->pins, NULL);
	if (!r)
		pins_remove(&s->pins);
	return r == -ENODEV ? 0 : r;
}

static int undo_one(struct steps *s, const json_t *undo)
{
	const char *kind = json_string_value(json_object_get(undo, "kind"));
	if (!kind)
		return -EINVAL;
	if (!strcmp(kind, "setting"))
		return undo_setting(s, undo);
	if (!strcmp(kind, "address"))
		return undo_address(s, undo);
	return !strcmp(kind, "pins") ? undo_pins(s) : -EINVAL;
}

/* The last change first. */
static int undo_all(struct steps *s, struct err *err)
{
	json_t *all = json_object_get(s->journal->text, "undo");
	int failed = 0;
	for (size_t i = json_array_size(all); i-- > 0;) {
		char *text = json_dumps(json_array_get(all, i), JSON_COMPACT);
		int r = undo_one(s, json_array_get(all, i));
		if (r)
			failed = err_set(err, -r, "can't undo %s: %s", text ? text : "a change",
					 strerror(-r));
		free(text);
	}
	if (!failed)
		backend_journal_remove(s->journal);
	return failed;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* The journal of a namespace that is gone: nothing of it is left but pins. */
static void forget_stranger(struct steps *s)
{
	if (!s->journal->text || s->journal->is_for_us)
		return;
	undo_pins(s);
	backend_journal_remove(s->journal);
}

static int open_steps(struct steps *s, struct backend_journal *j, const struct backend_options *o,
		      void (*note)(const char *text), struct err *err)
{
	*s = (struct steps){.journal = j, .options = o, .note = note};
	int r = rtnetlink_open(&s->netlink, 0, err);
	if (!r)
		forget_stranger(s);
	return r;
}

static int begin(struct steps *s, struct err *err)
{
	json_t *options = backend_options_json(s->options);
	json_t *before = s->journal->text ? json_object_get(s->journal->text, "options") : NULL;
	if (!before)
		return backend_journal_begin(s->journal, options, err);
	bool same = json_equal(before, options);
	json_decref(options);
	return same ? 0
		    : err_set(err, EBUSY,
			      "it is up already, with other options ('weir backend show'): 'weir "
			      "backend down' first");
}

int backend_up(struct backend_journal *j, const struct backend_options *o,
	       void (*note)(const char *text), struct err *err)
{
	struct steps s;
	struct err ignored;
	int r = open_steps(&s, j, o, note, err);
	if (r)
		return r;
	bool was_up = j->text;
	r = begin(&s, err);
	if (!r) {
		r = change_settings(&s, err);
		r = r ? r : attach_programs(&s, err);
		r = r ? r : add_vips(&s, err);
		if (r && !was_up)
			undo_all(&s, &ignored);
	}
	rtnetlink_close(&s.netlink);
	return r;
}

int backend_down(struct backend_journal *j, void (*note)(const char *text), struct err *err)
{
	struct steps s;
	int r = open_steps(&s, j, NULL, note, err);
	if (r)
		return r;
	if (j->text)
		r = undo_all(&s, err);
	rtnetlink_close(&s.netlink);
	return r;
}
