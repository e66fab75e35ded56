// SPDX-License-Identifier: BSD-2-Clause
/* By libcap-ng, which knows in which order all this has to be done. */
#include "tools/weir/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lb/err.h"

#define KEPT_MAX 8

/* Each with its reason in docs/security.md. */
static const struct {
	unsigned int count, list[KEPT_MAX];
} kept[] = {
	[PRIVILEGES_DAEMON] = {5, {CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON, CAP_IPC_LOCK}},
	[PRIVILEGES_DISPATCHER] = {7,
				   {CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON, CAP_IPC_LOCK,
				    CAP_SYS_ADMIN, CAP_DAC_OVERRIDE}},
	[PRIVILEGES_HELPER] = {3, {CAP_NET_ADMIN, CAP_SETUID, CAP_SETGID}},
	[PRIVILEGES_COMMAND] = {0, {}},
};

/* --- whom ------------------------------------------------------------------------------------ */

/* "61184": -1 where it is no number that a user can have. */
static int64_t number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	return *text < '0' || *text > '9' || *end || value >= UINT32_MAX ? -1 : (int64_t)value;
}

static int find_user(struct privileges *p, const char *name, struct err *err)
{
	int64_t uid = number(name);
	errno = 0;
	const struct passwd *who = uid < 0 ? getpwnam(name) : getpwuid(uid);
	if (!who && uid < 0)
		return err_set(err, errno ? errno : ENOENT,
			       "user: this host has no user '%s'; 'useradd --system %s' makes it",
			       name, name);
	*p = (struct privileges){.uid = who ? who->pw_uid : uid, .gid = who ? who->pw_gid : uid};
	if (who)
		snprintf(p->name, sizeof(p->name), "%s", who->pw_name);
	return 0;
}

static int find_group(struct privileges *p, const char *name, struct err *err)
{
	int64_t gid = number(name);
	errno = 0;
	const struct group *group = gid < 0 ? getgrnam(name) : NULL;
	if (!group && gid < 0)
		return err_set(err, errno ? errno : ENOENT,
			       "user: this host has no group '%s'; 'groupadd --system %s' makes it",
			       name, name);
	p->gid = group ? group->gr_gid : gid;
	return 0;
}

static bool is_another(const struct privileges *p)
{
	return p->uid != geteuid() || p->gid != getegid();
}

static int check_may_become(const struct privileges *p, struct err *err)
{
	if (capng_get_caps_process())
		return err_set(err, EIO, "the kernel does not tell which capabilities there are");
	if (!is_another(p) || (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID) &&
			       capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID)))
		return 0;
	return err_set(
		err, EPERM,
		"can't become user %u: start as root (with CAP_SETUID and CAP_SETGID), or let "
		"'user' be auto",
		p->uid);
}

int privileges_find(struct privileges *p, const char *user, struct err *err)
{
	struct privileges found = {.uid = geteuid(), .gid = getegid()};
	char name[96];
	struct err unsaid;
	if (!strcmp(user, "auto")) {
		if (found.uid || find_user(&found, PRIVILEGES_USER, &unsaid))
			found = (struct privileges){.uid = geteuid(), .gid = getegid()};
		*p = found;
		return 0;
	}
	snprintf(name, sizeof(name), "%s", user);
	char *group = strchr(name, ':');
	if (group)
		*group++ = '\0';
	int r = find_user(&found, name, err);
	r = r || !group ? r : find_group(&found, group, err);
	r = r ? r : check_may_become(&found, err);
	if (!r)
		*p = found;
	return r;
}

int privileges_check(enum privileges_for whom, struct err *err)
{
	if (capng_get_caps_process())
		return err_set(err, EIO, "the kernel does not tell which capabilities there are");
	for (unsigned int i = 0; i < kept[whom].count; i++)
		if (!capng_have_capability(CAPNG_PERMITTED, kept[whom].list[i]))
			return err_set(err, EPERM, "cap_%s is missing",
				       capng_capability_to_name(kept[whom].list[i]));
	return 0;
}

/* --- dropping -------------------------------------------------------------------------------- */

/* Groups that the user is a member of: files may be readable for one of those. */
static int take_groups(const struct privileges *p)
{
	return *p->name ? initgroups(p->name, p->gid) : setgroups(0, NULL);
}

/* What is not ours to keep is not asked for: the kernel would refuse all of it. */
static void select_capabilities(enum privileges_for whom)
{
	bool have[KEPT_MAX];
	for (unsigned int i = 0; i < kept[whom].count; i++)
		have[i] = capng_have_capability(CAPNG_PERMITTED, kept[whom].list[i]);
	capng_clear(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
	for (unsigned int i = 0; i < kept[whom].count; i++)
		if (have[i])
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				     kept[whom].list[i]);
}

/* -1 for who stays: libcap-ng's word for that. */
static int change(const struct privileges *p, bool other, enum privileges_for whom)
{
	/* The bounding set is for programs that are executed, which no_new_privs is for too. */
	bool bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	select_capabilities(whom);
	if (!other && !bounding)
		return capng_apply(CAPNG_SELECT_CAPS);
	return capng_change_id(other ? (int)p->uid : -1, other ? (int)p->gid : -1,
			       bounding ? CAPNG_CLEAR_BOUNDING : CAPNG_NO_FLAG);
}

/* That it worked is seen best by trying what must not. */
static int check(const struct privileges *p, struct err *err)
{
	if (getuid() == p->uid && geteuid() == p->uid && getegid() == p->gid &&
	    (!p->uid || setuid(0)))
		return 0;
	return err_set(err, EPERM, "user root could not be given up");
}

int privileges_drop(const struct privileges *p, enum privileges_for whom, struct err *err)
{
	bool other = whom != PRIVILEGES_HELPER && is_another(p);
	int r = check_may_become(p, err);
	if (r)
		return r;
	if (other && take_groups(p))
		return err_set(err, errno, "can't take the groups of user %u: %m", p->uid);
	r = change(p, other, whom);
	if (r)
		return err_set(err, EPERM, "can't become user %u with fewer capabilities (step %d)",
			       p->uid, -r);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_set(err, errno, "can't set no_new_privs: %m");
	/* Memory has packets in it: no core dump, or one for root alone (fs.suid_dumpable = 2). */
	if (whom <= PRIVILEGES_DISPATCHER && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return whom == PRIVILEGES_HELPER ? 0 : check(p, err);
}
