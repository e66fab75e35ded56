// SPDX-License-Identifier: BSD-2-Clause
#include "bench/flow_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/setting.h"
#include "lb/addr.h"
#include "lb/err.h"

#define LINE 256

/* Divides "address:port"; an IPv6 address without brackets has no port. */
static bool divide(const char *text, char address[ADDR_TEXT + 2], const char **port)
{
	const char *colon = strrchr(text, ':');
	bool bracket = *text == '[', bare = !bracket && colon && strchr(text, ':') != colon;
	const char *stop = bracket          ? strchr(text, ']')
			   : bare || !colon ? text + strlen(text)
					    : colon;
	if (!stop || stop - text > ADDR_TEXT)
		return false;
	snprintf(address, ADDR_TEXT + 2, "%.*s", (int)(stop - text - bracket), text + bracket);
	stop += bracket;
	*port = *stop ? stop + 1 : NULL;
	return !*stop || *stop == ':';
}

bool flow_list_end(const char *text, struct addr *address, uint16_t *port, bool port_needed)
{
	char name[ADDR_TEXT + 2];
	const char *number;
	uint32_t value;
	if (!divide(text, name, &number) || addr_parse(name, address))
		return false;
	if (!number)
		return !port_needed;
	if (!setting_take_whole(&number, 1, 65535, &value) || *number)
		return false;
	*port = value;
	return true;
}

/* False: it is no flow. An empty line has an empty first word. */
static bool read_line(char *line, struct flow_ends *out, bool *empty)
{
	char *rest, *source, *destination;
	line[strcspn(line, "#\n")] = '\0';
	source = strtok_r(line, " \t\r", &rest);
	*empty = !source;
	if (!source)
		return true;
	destination = strtok_r(NULL, " \t\r", &rest);
	return destination && !strtok_r(NULL, " \t\r", &rest) &&
	       flow_list_end(source, &out->source, &out->source_port, true) &&
	       flow_list_end(destination, &out->destination, &out->destination_port, true) &&
	       addr_is_v4(&out->source) == addr_is_v4(&out->destination);
}

static int read_all(FILE *in, const char *path, uint32_t most, struct flow_ends *out,
		    uint32_t *count, struct err *err)
{
	char line[LINE];
	bool empty;
	for (unsigned int number = 1; fgets(line, sizeof(line), in); number++) {
		if (*count == most)
			return err_set(err, EINVAL, "%s:%u: more than %u flows", path, number,
				       most);
		if (!read_line(line, &out[*count], &empty))
			return err_set(
				err, EINVAL,
				"%s:%u: expected SOURCE:PORT DESTINATION:PORT of one family, "
				"like 198.51.100.1:1024 192.0.2.1:443",
				path, number);
		if (empty)
			continue;
		if (addr_is_v4(&out[*count].source) != addr_is_v4(&out[0].source))
			return err_set(err, EINVAL, "%s:%u: all flows have to be of one family",
				       path, number);
		++*count;
	}
	return *count ? 0 : err_set(err, EINVAL, "%s: there is no flow in it", path);
}

int flow_list_read(const char *path, uint32_t most, struct flow_ends **out, uint32_t *count,
		   struct err *err)
{
	FILE *in = fopen(path, "re");
	*count = 0;
	*out = NULL;
	if (!in)
		return err_set(err, errno, "can't read %s: %m", path);
	*out = calloc((size_t)most + 1, sizeof(**out));
	int r = *out ? read_all(in, path, most, *out, count, err)
		     : err_set(err, ENOMEM, "no memory for flows");
	fclose(in);
	if (!r)
		return 0;
	free(*out);
	*out = NULL;
	return r;
}
