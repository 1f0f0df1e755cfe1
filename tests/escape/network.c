/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attacks over the network: run.py listens on the host's loopback and on an address of an interface, TCP and UDP, and
 * answers with the secret. With --network host those listeners are reachable, which is the second control.
 */
#include "attack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
	const char *address, *port;
	int type;
};

/* Something that the host's listener says must arrive: in a network of its own, an address may well answer. */
static void peer(struct outcome *out, const struct attack *attack)
{
	const struct peer *p = attack->arg;
	const char *address = expand(p->address);
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	bool six = strchr(address, ':');
	int fd = socket(six ? AF_INET6 : AF_INET, p->type | SOCK_CLOEXEC, 0);
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	sin.sin_port = sin6.sin6_port = htons((uint16_t)atoi(expand(p->port)));
	if (inet_pton(six ? AF_INET6 : AF_INET, address, six ? (void *)&sin6.sin6_addr : (void *)&sin.sin_addr) != 1) {
		denied(out, ENETUNREACH, "no address to try");
		return;
	}
	if (fd < 0 || connect(fd, six ? (struct sockaddr *)&sin6 : (struct sockaddr *)&sin,
			      six ? sizeof(sin6) : sizeof(sin)) < 0) {
		judge(out, attack, -1, address);
		return;
	}
	if (p->type == SOCK_DGRAM && send(fd, "?", 1, MSG_NOSIGNAL) < 0) {
		judge(out, attack, -1, address);
		return;
	}
	if (poll(&poller, 1, 1500) <= 0)
		denied(out, ETIMEDOUT, "%s: silence", address);
	else if (fd_contains(fd, config("token")))
		succeeded(out, "%s: the host's listener answered", address);
	else
		denied(out, errno, "%s: no answer", address);
}
#define PEER(address, port, type) peer, &(const struct peer){ address, port, type }

/* One datagram is one read: fd_contains() would wait for a second. */
static void datagram(struct outcome *out, const struct attack *attack)
{
	const struct peer *p = attack->arg;
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct timeval patience = { .tv_sec = 1, .tv_usec = 500000 };
	char text[256] = "";
	ssize_t n;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	sin.sin_port = htons((uint16_t)atoi(expand(p->port)));
	inet_pton(AF_INET, expand(p->address), &sin.sin_addr);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || send(fd, "?", 1, 0) < 0) {
		judge(out, attack, -1, "send a datagram");
		return;
	}
	n = recv(fd, text, sizeof(text) - 1, 0);
	if (n > 0 && strstr(text, config("token")))
		succeeded(out, "the host's listener answered");
	else
		denied(out, n < 0 && errno == EAGAIN ? ETIMEDOUT : errno, "no answer");
}
#define DATAGRAM(address, port) datagram, &(const struct peer){ address, port, SOCK_DGRAM }

/* Whether a packet to the outside finds a route; connect(2) of a datagram socket sends nothing. */
static void route_out(struct outcome *out, const struct attack *attack)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(53) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, attack->arg, &sin.sin_addr);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		judge(out, attack, -1, "no route");
	else
		succeeded(out, "there is a route to %s", (const char *)attack->arg);
}

/* A port opened on the host's address: run.py connects to it and says hello. */
static void serve(struct outcome *out, const struct attack *attack)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(config("serve_port"))) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(fd, 1) < 0) {
		judge(out, attack, -1, "listen");
		return;
	}
	if (poll(&poller, 1, 2500) > 0)
		succeeded(out, "the host connected to the server's port");
	else
		denied(out, ETIMEDOUT, "nobody on the host sees the port");
}

static void interfaces(struct outcome *out, const struct attack *attack)
{
	struct if_nameindex *list = if_nameindex();
	FILE *f = fopen("/proc/net/dev", "re");
	char line[512], name[64];
	bool lo = false;

	(void)attack;
	denied(out, 0, "only the loopback");
	for (struct if_nameindex *i = list; i && i->if_name; i++) {
		lo = lo || strcmp(i->if_name, "lo") == 0;
		if (strcmp(i->if_name, "lo") != 0)
			succeeded(out, "interface %s", i->if_name);
	}
	if (list)
		if_freenameindex(list);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " %60[^: ]:", name) == 1 && strchr(line, ':') && strcmp(name, "lo") != 0)
			succeeded(out, "interface %s in /proc/net/dev", name);
	if (f)
		fclose(f);
	if (out->verdict == DENIED && !lo && list)
		broken(out, "not even the loopback");
}

static void link_up(struct outcome *out, const struct attack *attack)
{
	struct ifreq request = { .ifr_name = "lo" };
	int r, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
		judge(out, attack, -1, "SIOCGIFFLAGS");
		return;
	}
	r = ioctl(fd, SIOCSIFFLAGS, &request);
	if (r < 0 && errno == ENOTTY)
		denied(out, errno, "SIOCSIFFLAGS is no ioctl here");
	else
		judge(out, attack, r, "SIOCSIFFLAGS");
}

/* Asks the kernel for a dummy interface; its answer is an error message with an errno, 0 for done. */
static void new_link(struct outcome *out, const struct attack *attack)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
		char attributes[64];
	} request = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = RTM_NEWADDR,
				  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK } };
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char more[256];
	} answer = { 0 };
	struct ifaddrmsg address = { .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1 };
	struct rtattr *local = (struct rtattr *)(void *)((char *)&request + NLMSG_SPACE(sizeof(address)));
	struct in_addr value;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0) {
		judge(out, attack, -1, "socket(AF_NETLINK)");
		return;
	}
	memcpy(NLMSG_DATA(&request.header), &address, sizeof(address));
	inet_pton(AF_INET, "127.1.2.3", &value);
	local->rta_type = IFA_LOCAL;
	local->rta_len = RTA_LENGTH(sizeof(value));
	memcpy(RTA_DATA(local), &value, sizeof(value));
	request.header.nlmsg_len = NLMSG_SPACE(sizeof(address)) + RTA_LENGTH(sizeof(value));
	if (send(fd, &request, request.header.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0) {
		judge(out, attack, -1, "netlink");
		return;
	}
	errno = -answer.error.error;
	judge(out, attack, answer.error.error == 0 ? 0 : -1, "add an address");
}

#define NETWORK "network"
static const struct attack list[] = {
	{ "tcp-loopback", NETWORK, BY_SELF, HOSTNET_OPENS, PEER("127.0.0.1", "{tcp_port}", SOCK_STREAM),
	  "connect to the host's loopback" },
	{ "tcp-loopback6", NETWORK, BY_SELF, MAY_LACK | HOSTNET_OPENS, PEER("::1", "{tcp6_port}", SOCK_STREAM),
	  "connect to the host's IPv6 loopback" },
	{ "tcp-address", NETWORK, BY_SELF, MAY_LACK | HOSTNET_OPENS, PEER("{address}", "{tcp_port}", SOCK_STREAM),
	  "connect to an address of the host" },
	{ "tcp-any", NETWORK, BY_SELF, HOSTNET_OPENS, PEER("0.0.0.0", "{tcp_port}", SOCK_STREAM),
	  "connect to the host by 0.0.0.0" },
	{ "udp-loopback", NETWORK, BY_SELF, HOSTNET_OPENS, DATAGRAM("127.0.0.1", "{udp_port}"),
	  "send to the host's loopback" },
	{ "udp-address", NETWORK, BY_SELF, MAY_LACK | HOSTNET_OPENS, DATAGRAM("{address}", "{udp_port}"),
	  "send to an address of the host" },
	{ "dns", NETWORK, BY_SELF, MAY_LACK | HOSTNET_OPENS, route_out, "8.8.8.8", "reach a name server" },
	{ "route", NETWORK, BY_SELF, MAY_LACK | HOSTNET_OPENS, route_out, "169.254.169.254",
	  "reach a cloud's metadata service" },
	{ "serve", NETWORK, BY_SELF, HOSTNET_OPENS, serve, NULL, "open a port on the host" },
	{ "interfaces", NETWORK, BY_SELF, MAY_LACK | HOSTNET_OPENS, interfaces, NULL, "see the host's interfaces" },
	{ "link-flags", NETWORK, BY_USERNS, 0, link_up, NULL, "change an interface" },
	{ "new-address", NETWORK, BY_USERNS, 0, new_link, NULL, "add an address by netlink" },
};
const struct attacks network_attacks = { list, sizeof(list) / sizeof(list[0]) };
