// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sends Ethernet frames as they are given, however wrong they are.
 *
 *   send_frames INTERFACE FRAME...     a frame is hexadecimal digits
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_MAX 2048u

/* How many bytes, or -1. */
static int parse(const char *text, uint8_t frame[FRAME_MAX])
{
	size_t digits = strlen(text);
	if (digits % 2 || digits / 2 > FRAME_MAX)
		return -1;
	for (size_t i = 0; i < digits / 2; i++) {
		unsigned int byte;
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return -1;
		frame[i] = byte;
	}
	return digits / 2;
}

int main(int argc, char **argv)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (argc < 3 || fd < 0)
		return 2;
	to.sll_ifindex = if_nametoindex(argv[1]);
	for (int i = 2; i < argc; i++) {
		uint8_t frame[FRAME_MAX];
		int length = parse(argv[i], frame);
		if (length < 0) {
			fprintf(stderr, "send_frames: no frame: %s\n", argv[i]);
			return 2;
		}
		if (sendto(fd, frame, length, 0, (struct sockaddr *)&to, sizeof(to)) != length) {
			fprintf(stderr, "send_frames: %s: %s\n", argv[1], strerror(errno));
			return 1;
		}
	}
	close(fd);
	return 0;
}
