/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network namespace of the cage: `lo` up, nothing else in it. A server may serve itself on 127.0.0.1.
 *
 * With network by name there is still no way out of it. The addresses that names get are made local to `lo`, a whole range with one
 * route of the kind "local", so that what the server sends there arrives in this namespace, at the sockets of netsocks.c. Addresses
 * that policy names are made local in the same way, and so is nothing else: any other destination stays unreachable. The resolver's
 * own addresses are real ones of `lo`, because a C library that sees no address but 127.0.0.1 takes the machine to be without IPv4
 * (AI_ADDRCONFIG, getaddrinfo(3)).
 *
 * By rtnetlink through libnl, over one socket that is closed again. libnl-route could say the same in fewer lines, but it takes longer
 * to load than all of this does to run. Called by session/init.c in the cage. rtnetlink(7), ip-route(8).
 */
#include "cage/cage.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

/* `lo` is the first device of every network namespace. */
enum { LO_INDEX = 1 };

static void socket_freep(struct nl_sock **socket)
{
	if (*socket)
		nl_socket_free(*socket);
}

static int link_up(struct nl_sock *socket, int index)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK);

	if (!message)
		return -NLE_NOMEM;
	int status = nlmsg_append(message, &link, sizeof link, NLMSG_ALIGNTO);
	if (status < 0) {
		nlmsg_free(message);
		return status;
	}
	return nl_send_sync(socket, message); /* frees it, waits for the acknowledgement */
}

static int family_of(const struct ip_address *a)
{
	return a->family == 4 ? AF_INET : AF_INET6;
}

static int length_of(const struct ip_address *a)
{
	return a->family == 4 ? 4 : 16;
}

/* RANGE is local: what is sent there comes in at `lo`. */
static int add_route(struct nl_sock *socket, const struct ip_range *range)
{
	struct rtmsg route = {
		.rtm_family = (unsigned char)family_of(&range->address),
		.rtm_dst_len = range->bits,
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_HOST,
		.rtm_type = RTN_LOCAL,
	};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);

	if (!message)
		return -NLE_NOMEM;
	int status = nlmsg_append(message, &route, sizeof route, NLMSG_ALIGNTO);
	if (status == 0 && range->bits > 0)
		status = nla_put(message, RTA_DST, length_of(&range->address), range->address.bytes);
	if (status == 0)
		status = nla_put_u32(message, RTA_OIF, LO_INDEX);
	if (status < 0) {
		nlmsg_free(message);
		return status;
	}
	return nl_send_sync(socket, message);
}

/* An address of `lo` itself. Without duplicate address detection, which would keep it from being used for a second. */
static int add_address(struct nl_sock *socket, const struct ip_address *address)
{
	struct ifaddrmsg head = {
		.ifa_family = (unsigned char)family_of(address),
		.ifa_prefixlen = address->family == 4 ? 32 : 128,
		.ifa_flags = IFA_F_PERMANENT | IFA_F_NODAD,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = LO_INDEX,
	};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);

	if (!message)
		return -NLE_NOMEM;
	int status = nlmsg_append(message, &head, sizeof head, NLMSG_ALIGNTO);
	if (status == 0)
		status = nla_put(message, IFA_LOCAL, length_of(address), address->bytes);
	if (status == 0)
		status = nla_put(message, IFA_ADDRESS, length_of(address), address->bytes);
	if (status < 0) {
		nlmsg_free(message);
		return status;
	}
	return nl_send_sync(socket, message);
}

static int failed(struct error *err, int status, const char *what, const char *object)
{
	return error_set(err, 0, "cannot %s%s%s in the cage: %s", what, object ? " " : "", object ? object : "", nl_geterror(status));
}

static struct nl_sock *open_up(struct error *err)
{
	CLEANUP(socket_freep) struct nl_sock *socket = nl_socket_alloc();

	if (!socket) {
		error_oom(err);
		return NULL;
	}
	int status = nl_connect(socket, NETLINK_ROUTE);
	if (status == 0)
		status = link_up(socket, LO_INDEX);
	if (status < 0) {
		failed(err, status, "bring up the loopback device", NULL);
		return NULL;
	}
	return TAKE_PTR(socket);
}

int cage_loopback_up(struct error *err)
{
	CLEANUP(socket_freep) struct nl_sock *socket = open_up(err);

	return socket ? 0 : -1;
}

static int make_local(struct nl_sock *socket, const struct ip_range *range, struct error *err)
{
	char text[IP_TEXT_SIZE];
	int status = add_route(socket, range);

	if (status == 0)
		return 0;
	ip_range_text(range, text);
	return failed(err, status, "make a route for", text);
}

/* The pool of one family, and the resolver's address in it. */
static int make_pool(struct nl_sock *socket, const char *pool, const char *resolver, struct error *err)
{
	struct ip_range range, own;

	if (ip_range_parse(pool, &range, err) < 0 || ip_range_parse(resolver, &own, err) < 0)
		return -1;
	int status = add_address(socket, &own.address);
	if (status < 0)
		return failed(err, status, "set the address", resolver);
	return make_local(socket, &range, err);
}

/* Addresses of 127.0.0.0/8 and ::1 are the cage's already. */
static bool own_loopback(const struct ip_address *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == 4 ? a->bytes[0] == 127 : memcmp(a->bytes, one, sizeof one) == 0;
}

int cage_names_up(const struct network_needs *needs, bool *six, struct error *err)
{
	CLEANUP(socket_freep) struct nl_sock *socket = open_up(err);

	if (!socket || make_pool(socket, NETWORK_POOL_4, NETWORK_RESOLVER_4, err) < 0)
		return -1;
	/* A kernel without IPv6, or one that is told to do without it: names have no such address in the cage then. */
	*six = make_pool(socket, NETWORK_POOL_6, NETWORK_RESOLVER_6, NULL) == 0;
	for (size_t i = 0; i < needs->rules_n; i++) {
		const struct host_rule *rule = &needs->rules[i];
		if (rule->kind != HOST_RANGE || own_loopback(&rule->range.address))
			continue;
		if (rule->range.address.family == 6 && !*six)
			return error_set(err, 0, "network.allow has an IPv6 address, and there is no IPv6 on this machine");
		if (make_local(socket, &rule->range, err) < 0)
			return -1;
	}
	return 0;
}
