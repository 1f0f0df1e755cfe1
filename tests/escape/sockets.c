/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Socket families, types and protocols that are kernel surface or a way around a rule about addresses. Making the
 * socket is the attack.
 */
#include "attack.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIGH (1L << 32)

struct kind {
	long family, type, protocol;
};

static void make(struct outcome *out, const struct attack *attack)
{
	const struct kind *k = attack->arg;
	long fd = syscall(SYS_socket, k->family, k->type, k->protocol);

	judge(out, attack, fd, "socket");
}
#define MAKE(family, type, protocol) make, &(const struct kind){ family, type, protocol }

static void make_pair(struct outcome *out, const struct attack *attack)
{
	const struct kind *k = attack->arg;
	int pair[2];

	judge(out, attack, syscall(SYS_socketpair, k->family, k->type, k->protocol, pair), "socketpair");
}
#define PAIR(family, type) make_pair, &(const struct kind){ family, type, 0 }

#define SOCKETS "sockets"
static const struct attack list[] = {
	{ "unix-stream", SOCKETS, BY_SELF, 0, MAKE(AF_UNIX, SOCK_STREAM, 0), "an AF_UNIX socket" },
	{ "unix-datagram", SOCKETS, BY_SELF, 0, MAKE(AF_UNIX, SOCK_DGRAM, 0), "an AF_UNIX datagram socket" },
	{ "unix-64", SOCKETS, BY_SELF, 0, MAKE(AF_UNIX | HIGH, SOCK_STREAM, 0),
	  "an AF_UNIX socket with a bit above the 32nd" },
	{ "unix-flags", SOCKETS, BY_SELF, 0, MAKE(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
	  "an AF_UNIX socket with flags in its type" },
	/* A datagram socket, even one of a pair, can be sent elsewhere by its name. */
	{ "unix-pair", SOCKETS, BY_SELF, 0, PAIR(AF_UNIX, SOCK_DGRAM), "a pair of datagram sockets" },
	{ "unix-pair-flags", SOCKETS, BY_SELF, 0, PAIR(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK),
	  "the same with flags in its type" },
	{ "unix-pair-64", SOCKETS, BY_SELF, 0, PAIR(AF_UNIX, SOCK_DGRAM | HIGH),
	  "the same with a bit above the 32nd" },
	{ "unix-pair-raw", SOCKETS, BY_SELF, 0, PAIR(AF_UNIX, SOCK_RAW), "the same by its alias SOCK_RAW" },
	{ "packet", SOCKETS, BY_USERNS, MAY_LACK, MAKE(AF_PACKET, SOCK_RAW, 0), "a packet socket" },
	{ "packet-old", SOCKETS, BY_USERNS, MAY_LACK, MAKE(AF_INET, SOCK_PACKET, 0), "a packet socket, the old way" },
	{ "packet-64", SOCKETS, BY_USERNS, MAY_LACK, MAKE(AF_PACKET | HIGH, SOCK_RAW, 0),
	  "a packet socket with a bit above the 32nd" },
	{ "raw", SOCKETS, BY_USERNS, 0, MAKE(AF_INET, SOCK_RAW, IPPROTO_ICMP), "a raw socket" },
	{ "raw6", SOCKETS, BY_USERNS, MAY_LACK, MAKE(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), "a raw IPv6 socket" },
	{ "ping", SOCKETS, BY_ROOT, MAY_REFUSE, MAKE(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), "a ping socket" },
	{ "mptcp", SOCKETS, BY_SELF, MAY_LACK, MAKE(AF_INET, SOCK_STREAM, 262), "multipath TCP" },
	{ "sctp", SOCKETS, BY_SELF, MAY_LACK, MAKE(AF_INET, SOCK_STREAM, 132), "SCTP" },
	{ "udplite", SOCKETS, BY_SELF, MAY_LACK, MAKE(AF_INET, SOCK_DGRAM, 136), "UDP-Lite" },
	{ "netlink-uevent", SOCKETS, BY_SELF, 0, MAKE(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT),
	  "kernel events" },
	{ "netlink-audit", SOCKETS, BY_SELF, MAY_LACK, MAKE(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT), "audit" },
	{ "netlink-netfilter", SOCKETS, BY_SELF, MAY_LACK, MAKE(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER),
	  "netfilter" },
	{ "netlink-diag", SOCKETS, BY_SELF, MAY_LACK, MAKE(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG),
	  "socket diagnosis" },
	{ "netlink-generic", SOCKETS, BY_SELF, 0, MAKE(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), "generic netlink" },
	{ "netlink-xfrm", SOCKETS, BY_SELF, MAY_LACK, MAKE(AF_NETLINK, SOCK_RAW, NETLINK_XFRM), "IPsec" },
	{ "netlink-64", SOCKETS, BY_SELF, 0, MAKE(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC | HIGH),
	  "generic netlink with a bit above the 32nd" },
	{ "vsock", SOCKETS, BY_SELF, MAY_LACK, MAKE(AF_VSOCK, SOCK_STREAM, 0), "a socket to the hypervisor" },
	{ "alg", SOCKETS, BY_SELF, MAY_LACK, MAKE(AF_ALG, SOCK_SEQPACKET, 0), "the kernel's cryptography" },
	{ "xdp", SOCKETS, BY_USERNS, MAY_LACK, MAKE(AF_XDP, SOCK_RAW, 0), "an XDP socket" },
	{ "bluetooth", SOCKETS, BY_SELF, MAY_LACK, MAKE(AF_BLUETOOTH, SOCK_STREAM, 3), "Bluetooth" },
	{ "can", SOCKETS, BY_SELF, MAY_LACK, MAKE(AF_CAN, SOCK_RAW, 1), "CAN" },
	{ "tipc", SOCKETS, BY_SELF, MAY_LACK, MAKE(AF_TIPC, SOCK_STREAM, 0), "TIPC" },
	{ "rds", SOCKETS, BY_SELF, MAY_LACK, MAKE(21, SOCK_SEQPACKET, 0), "RDS" },
	{ "key", SOCKETS, BY_USERNS, MAY_LACK, MAKE(AF_KEY, SOCK_RAW, 2), "PF_KEY" },
	{ "kcm", SOCKETS, BY_SELF, MAY_LACK, MAKE(41, SOCK_DGRAM, 0), "KCM" },
	{ "smc", SOCKETS, BY_SELF, MAY_LACK, MAKE(43, SOCK_STREAM, 0), "SMC" },
	{ "qipcrtr", SOCKETS, BY_SELF, MAY_LACK, MAKE(42, SOCK_DGRAM, 0), "QIPCRTR" },
};
const struct attacks sockets_attacks = { list, sizeof(list) / sizeof(list[0]) };
