// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/api_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/err.h"
#include "tools/weir/helper.h"
#include "tools/weir/log.h"
#include "tools/weir/privileges.h"

/* --- the file ------------------------------------------------------------------------------ */

static int make_parents(struct api_file *f, const struct privileges *user, struct err *err)
{
	char path[sizeof(f->address.sun_path)];
	strcpy(path, f->address.sun_path);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		f->made_parent = !mkdir(path, 0755);
		if (!f->made_parent && errno != EEXIST)
			return err_set(err, errno, "can't make the directory %s for api.socket: %s",
				       path, strerror(errno));
		if (f->made_parent && user->uid != geteuid() && chown(path, user->uid, user->gid))
			return err_set(err, errno, "can't give %s to the daemon's user: %s", path,
				       strerror(errno));
		*slash = '/';
	}
	return 0;
}

/* Whether the file in the way is the socket of a daemon that is gone: 0, or -errno. */
static int check_stale(const struct sockaddr_un *address, struct err *err)
{
	struct stat st;
	int fd, code;
	if (lstat(address->sun_path, &st))
		return errno == ENOENT
			       ? 0
			       : err_set(err, errno, "%s: %s", address->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, EEXIST,
			       "%s is not a socket; remove it or set another api.socket",
			       address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "can't open a unix socket: %s", strerror(errno));
	code = connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? errno : 0;
	close(fd);
	if (code == ECONNREFUSED || code == ENOENT)
		return 0;
	/* EAGAIN: somebody listens, and is busy. */
	if (!code || code == EAGAIN)
		return err_set(err, EADDRINUSE,
			       "another daemon answers on %s; stop it or set another api.socket",
			       address->sun_path);
	return err_set(err, code, "can't tell who has %s: %s", address->sun_path, strerror(code));
}

static int find_group(const char *name, gid_t otherwise, gid_t *out, struct err *err)
{
	errno = 0;
	const struct group *g = name ? getgrnam(name) : NULL;
	*out = g ? g->gr_gid : otherwise;
	if (name && !g)
		return err_set(err, errno ? errno : ENOENT,
			       "api.group: this host has no group '%s'; 'groupadd %s' makes it",
			       name, name);
	return 0;
}

static void remember(struct api_file *f)
{
	struct stat st;
	if (lstat(f->address.sun_path, &st))
		return;
	f->bound = true;
	f->device = st.st_dev;
	f->inode = st.st_ino;
}

/* The file is never open to more than `mode`: that is set before the file is there. */
static int bind_file(struct api_sockets *s, const struct config_api *c, gid_t group,
		     struct err *err)
{
	struct api_file *f = &s->file;
	const char *path = f->address.sun_path;
	int rc = find_group(c->group, group, &s->group, err);
	rc = rc ? rc : check_stale(&f->address, err);
	if (rc)
		return rc;
	unlink(path);
	if (fchmod(s->local, c->mode) ||
	    bind(s->local, (const struct sockaddr *)&f->address, sizeof(f->address)))
		return err_set(err, errno, "can't listen on api.socket %s: %s", path,
			       strerror(errno));
	remember(f);
	/* The mode once more, for what the umask took away. */
	if ((s->group != getegid() && chown(path, -1, s->group)) || chmod(path, c->mode))
		return err_set(err, errno, "can't listen on api.socket %s: %s", path,
			       strerror(errno));
	return 0;
}

static int bind_local(struct api_sockets *s, const struct config_api *c,
		      const struct privileges *user, bool take_over, struct err *err)
{
	struct api_file *f = &s->file;
	size_t room = sizeof(f->address.sun_path) - (take_over ? strlen(API_SOCKET_NEXT) : 0);
	f->address.sun_family = AF_UNIX;
	if (strlen(c->socket) >= room)
		return err_set(err, ENAMETOOLONG, "api.socket: %s is longer than %zu bytes",
			       c->socket, room - 1);
	strcpy(f->address.sun_path, c->socket);
	strcat(f->address.sun_path, take_over ? API_SOCKET_NEXT : "");
	int rc = make_parents(f, user, err);
	if (rc)
		return rc;
	s->local = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->local < 0)
		return err_set(err, errno, "can't open a unix socket: %s", strerror(errno));
	return bind_file(s, c, user->gid, err);
}

static void remove_file(struct api_file *f)
{
	struct stat st;
	char *path = f->address.sun_path;
	if (f->bound && !lstat(path, &st) && st.st_dev == f->device && st.st_ino == f->inode)
		unlink(path);
	if (f->made_parent)
		rmdir(dirname(path));
}

/* --- TCP ------------------------------------------------------------------------------------ */

static socklen_t to_sockaddr(const struct config_listen *where, struct sockaddr_storage *out)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(where->port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(where->port)};
	v4.sin_addr.s_addr = where->address.word[3];
	memcpy(&v6.sin6_addr, &where->address, sizeof(v6.sin6_addr));
	memset(out, 0, sizeof(*out));
	if (addr_is_v4(&where->address)) {
		memcpy(out, &v4, sizeof(v4));
		return sizeof(v4);
	}
	memcpy(out, &v6, sizeof(v6));
	return sizeof(v6);
}

static int bind_http(struct api_sockets *s, const struct config_listen *where, struct err *err)
{
	struct sockaddr_storage address;
	socklen_t size = to_sockaddr(where, &address);
	char text[ADDR_TEXT];
	int one = 1;
	s->http = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->http >= 0 && !setsockopt(s->http, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) &&
	    !bind(s->http, (struct sockaddr *)&address, size))
		return 0;
	return err_set(err, errno, "can't listen on api.http %s port %u: %s",
		       addr_format(&where->address, text), where->port, strerror(errno));
}

/* --- both ----------------------------------------------------------------------------------- */

int api_sockets_bind(struct api_sockets *s, const struct config_api *c,
		     const struct privileges *user, bool take_over, struct err *err)
{
	*s = (struct api_sockets){.local = -1, .http = -1};
	if (take_over && c->http.port && c->http.port < IPPORT_RESERVED && user->uid)
		return err_set(err, EACCES,
			       "api.http: port %u can't be taken over by user %u: restart instead",
			       c->http.port, user->uid);
	int rc = bind_local(s, c, user, take_over, err);
	return rc || take_over || !c->http.port ? rc : bind_http(s, &c->http, err);
}

/* Nothing that is served already shall end for want of this. */
static void place_file(struct api_file *f, const char *path, struct helper *h)
{
	int r = rename(f->address.sun_path, path) ? -errno : 0;
	if (r == -EACCES || r == -EPERM)
		r = helper_place_socket(h);
	if (r)
		log_error("the API's socket could not be put in its place", "at=%s error=\"%s\"",
			  f->address.sun_path, strerror(-r));
	else
		strcpy(f->address.sun_path, path);
}

int api_sockets_place(struct api_sockets *s, const struct config_api *c, struct helper *h,
		      struct err *err)
{
	place_file(&s->file, c->socket, h);
	return c->http.port ? bind_http(s, &c->http, err) : 0;
}

void api_sockets_close(struct api_sockets *s)
{
	if (!s->file.address.sun_family)
		return;
	if (s->local >= 0)
		close(s->local);
	if (s->http >= 0)
		close(s->http);
	remove_file(&s->file);
	*s = (struct api_sockets){.local = -1, .http = -1};
}
