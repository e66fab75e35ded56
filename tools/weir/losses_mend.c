// SPDX-License-Identifier: BSD-2-Clause
/* No reason without a word on what to do: the compiler says where one is missing. */
#include "tools/weir/losses.h"

#include "bpf/abi.h"

const char *losses_mend(int reason)
{
	switch ((enum reason)reason) {
	case REASON_NONE:
	case REASON_COUNT:
		return "";
	case REASON_BAD_CHECKSUM:
		return "capture them and look who sends them; a sender with unfinished checksums? "
		       "'ethtool -K DEVICE tx off' there";
	case REASON_TRUNCATED:
	case REASON_MALFORMED_IPV4:
	case REASON_MALFORMED_IPV6:
	case REASON_HEADER_CHAIN:
	case REASON_MALFORMED_TCP:
	case REASON_MALFORMED_UDP:
	case REASON_MALFORMED_NEIGHBOR:
	case REASON_MALFORMED_ICMP:
		return "nothing here is wrong: capture them and look who sends them";
	case REASON_FRAGMENT_UNMATCHED:
		return "a few are loss on the way; many: capture them and look who sends them";
	case REASON_FRAGMENT_TINY:
	case REASON_FRAGMENT_OVERLAP:
		return "nothing: an attack, or a broken sender";
	case REASON_NO_BACKEND:
		return "'weir show backends': are all down, draining or of weight 0?";
	case REASON_NO_NEXT_HOP:
		return "'weir show nexthops' says why the backend can't be reached";
	case REASON_TX_FULL:
		return "the egress interface is slower than what comes in: more queues, or a "
		       "faster one";
	case REASON_TX_FAILED:
		return "is the egress interface up, and its other end fast enough?";
	case REASON_RX_FULL:
		return "more queues and CPUs (ethtool -L, workers.cpus); what else runs on the "
		       "workers' CPUs?";
	case REASON_RX_NO_FRAME:
		return "raise memory.frames_per_queue; is a sender's MTU larger than ours?";
	case REASON_TOO_BIG:
		return "its sender could not be told: beyond icmp.too_big_limit, or a later "
		       "fragment; mss_clamp, or a larger MTU on the way";
	case REASON_NOT_SERVED:
		return "nothing: a few at a reload are normal";
	case REASON_DAEMON_LOST:
		return "nothing: what a daemon had in hand when it was killed";
	case REASON_NO_DAEMON:
		return "start the daemon; has each queue of the interface a socket?";
	case REASON_ECHO_LIMITED:
		return "raise icmp.echo_limit, if that many pings are meant";
	case REASON_ICMP_REFUSED:
		return "nothing, if icmp.other: drop is meant";
	case REASON_NAT_UNKNOWN:
		return "a few are late packets; many: flow_table.timeouts, or a backend taken out?";
	case REASON_NAT_EXHAUSTED:
		return "more nat.addresses, or shorter flow_table.timeouts";
	case REASON_NAT_UNTRACKED:
		return "raise flow_table.entries: a connection by nat takes two";
	case REASON_HOP_LIMIT:
		return "nothing, if somebody traces routes; else look for a loop";
	case REASON_UNTRANSLATABLE:
		return "nothing: the other IP version has no word for it (RFC 7915)";
	case REASON_POLICY_DENIED:
		return "nothing, if the rule is meant: 'weir capture --reason policy-denied' names "
		       "it";
	case REASON_RATE_LIMITED:
		return "raise the rule's limit, if that much is meant";
	case REASON_SYN_PROOF:
		return "nothing: clients that were asked whether they are real, and are";
	}
	return "";
}
