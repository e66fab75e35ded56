// SPDX-License-Identifier: BSD-2-Clause
/* One libcurl handle a call. What the daemon sends is kept in memory whole, but for streams. */
#include "tools/weir/client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lb/err.h"

#define CLIENT_GET_S  30L          /* a document of all backends takes a while */
#define READ_BYTES    (256L << 10) /* of a long answer at a time */
#define CLIENT_POST_S 300L         /* a reload may build many tables */
#define ERROR_BYTES   65536u       /* of an error's text; the rest is not read */

/* RFC 3986, 2.1 */
void client_query_add(FILE *query, const char *key, const char *value)
{
	fprintf(query, "%c%s=", ftell(query) ? '&' : '?', key);
	for (; *value; value++) {
		if (isalnum((unsigned char)*value) || strchr("-._~", *value))
			fputc(*value, query);
		else
			fprintf(query, "%%%02X", (unsigned char)*value);
	}
}

struct client {
	CURL *curl;
	const char *socket;
	long status;
	FILE *body; /* of documents and errors */
	char *text;
	size_t size;
	client_write_fn *fn; /* of streams that are no errors */
	void *context;
	int result; /* of fn; not 0: done */
	curl_socket_t fd;
};

static bool status_is_good(long status)
{
	return status >= 200 && status < 300;
}

/* Closing the sending side asks for the end: there is no more to come from us. */
static void take_result(struct client *c, int result)
{
	c->result = result;
	if (result != CLIENT_FINISH)
		return;
	c->result = CLIENT_GO_ON;
	shutdown(c->fd, SHUT_WR);
}

/* CURLINFO_ACTIVESOCKET says nothing before the transfer is over (7.88). */
static int on_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
	struct client *c = context;
	c->fd = fd;
	return CURL_SOCKOPT_OK;
}

/* Returning another number than it was given ends the transfer. */
static size_t on_body(char *bytes, size_t one, size_t length, void *context)
{
	struct client *c = context;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &c->status);
	if (c->fn && status_is_good(c->status)) {
		take_result(c, c->fn(c->context, bytes, length));
		return c->result ? 0 : length;
	}
	if (!status_is_good(c->status) && (size_t)ftell(c->body) + length > ERROR_BYTES)
		return 0;
	return fwrite(bytes, 1, length, c->body);
}

static int on_idle(void *context, curl_off_t a, curl_off_t b, curl_off_t x, curl_off_t y)
{
	struct client *c = context;
	/* libcurl calls this once more after `fn` has ended the stream: that result stays. */
	if (!c->result)
		take_result(c, c->fn(c->context, "", 0));
	return c->result != 0;
}

static int client_init(struct client *c, const char *socket, const char *path, struct err *err)
{
	char url[8192];
	int n = snprintf(url, sizeof(url), "http://weir%s", path);
	if (n < 0 || (size_t)n >= sizeof(url))
		return err_set(err, ENAMETOOLONG, "the request is longer than %zu bytes",
			       sizeof(url) - 1);
	if (strlen(socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return err_set(err, ENAMETOOLONG, "%s is too long for a unix socket's path",
			       socket);
	c->socket = socket;
	c->fd = CURL_SOCKET_BAD;
	c->body = open_memstream(&c->text, &c->size);
	c->curl = curl_easy_init();
	if (!c->body || !c->curl)
		return err_set(err, ENOMEM, "no memory for a request");
	curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_BUFFERSIZE, READ_BYTES);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(c->curl, CURLOPT_SOCKOPTDATA, c);
	return 0;
}

static void client_fini(struct client *c)
{
	curl_easy_cleanup(c->curl);
	if (c->body)
		fclose(c->body);
	free(c->text);
}

static int connect_fault(const struct client *c, struct err *err)
{
	long code = 0;
	curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &code);
	if (code == EACCES || code == EPERM)
		return err_set(err, EACCES, "%s: permission denied; run this as root", c->socket);
	return err_set(err, ECONNREFUSED,
		       "no daemon answers on %s: start one with 'weir run -c FILE', or name its "
		       "socket with --socket",
		       c->socket);
}

/* The words of application/problem+json, or the status alone. */
static int answer_fault(const struct client *c, struct err *err)
{
	json_t *answer = json_loadb(c->text, c->size, 0, NULL);
	const char *words = json_string_value(json_object_get(answer, "detail"));
	int code = c->status == 400 || c->status == 422 ? EINVAL : EIO;
	if (words)
		err_set(err, code, "%s", words);
	else
		err_set(err, code, "the daemon on %s answers with HTTP status %ld", c->socket,
			c->status);
	json_decref(answer);
	return -code;
}

/* Does the request; 0 when it was answered with success. */
static int client_perform(struct client *c, struct err *err)
{
	CURLcode rc = curl_easy_perform(c->curl);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &c->status);
	fflush(c->body);
	if (c->result)
		return c->result > 0 ? 0 : c->result;
	if (rc == CURLE_COULDNT_CONNECT)
		return connect_fault(c, err);
	if (c->status && !status_is_good(c->status))
		return answer_fault(c, err);
	if (rc == CURLE_PARTIAL_FILE || rc == CURLE_RECV_ERROR || rc == CURLE_GOT_NOTHING)
		return err_set(err, EIO, "the daemon on %s went away", c->socket);
	if (rc != CURLE_OK)
		return err_set(err, rc == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : EIO,
			       "the daemon on %s: %s", c->socket, curl_easy_strerror(rc));
	return 0;
}

static int parse_answer(const struct client *c, json_t **out, struct err *err)
{
	json_error_t fault;
	json_t *answer = json_loadb(c->text, c->size, 0, &fault);
	if (!answer)
		return err_set(err, EPROTO, "what answers on %s is no Weir: %s", c->socket,
			       fault.text);
	*out = answer;
	return 0;
}

/* `body` NULL: a GET. */
static int client_document(const char *socket, const char *path, const char *method,
			   const char *body, json_t **out, struct err *err)
{
	struct client c = {0};
	int rc = client_init(&c, socket, path, err);
	if (!rc) {
		if (body) {
			curl_easy_setopt(c.curl, CURLOPT_COPYPOSTFIELDS, body);
			curl_easy_setopt(c.curl, CURLOPT_CUSTOMREQUEST, method);
		}
		curl_easy_setopt(c.curl, CURLOPT_TIMEOUT, body ? CLIENT_POST_S : CLIENT_GET_S);
		rc = client_perform(&c, err);
	}
	if (!rc)
		rc = parse_answer(&c, out, err);
	client_fini(&c);
	return rc;
}

int client_get(const char *socket, const char *path, json_t **out, struct err *err)
{
	return client_document(socket, path, NULL, NULL, out, err);
}

int client_post(const char *socket, const char *path, json_t **out, struct err *err)
{
	return client_document(socket, path, "POST", "", out, err);
}

int client_patch(const char *socket, const char *path, const char *body, json_t **out,
		 struct err *err)
{
	return client_document(socket, path, "PATCH", body, out, err);
}

int client_stream(const char *socket, const char *path, client_write_fn *fn, void *context,
		  struct err *err)
{
	struct client c = {.fn = fn, .context = context};
	int rc = client_init(&c, socket, path, err);
	if (!rc) {
		curl_easy_setopt(c.curl, CURLOPT_XFERINFOFUNCTION, on_idle);
		curl_easy_setopt(c.curl, CURLOPT_XFERINFODATA, &c);
		curl_easy_setopt(c.curl, CURLOPT_NOPROGRESS, 0L);
		rc = client_perform(&c, err);
	}
	client_fini(&c);
	return rc;
}
