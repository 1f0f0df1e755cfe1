/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network namespace of the cage: `lo` up, nothing else in it. A server may serve itself on 127.0.0.1.
 *
 * By rtnetlink through libnl, like the rest that will be asked of this namespace, over one socket that is closed again.
 * Called by session/init.c in the cage. rtnetlink(7), RTM_NEWLINK in rtnetlink(7) "Routing socket messages".
 */
#include "cage/cage.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

/* `lo` is the first device of every network namespace. */
enum { LO_INDEX = 1 };

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

int cage_loopback_up(struct error *err)
{
	struct nl_sock *socket = nl_socket_alloc();

	if (!socket)
		return error_oom(err);
	int status = nl_connect(socket, NETLINK_ROUTE);
	if (status == 0)
		status = link_up(socket, LO_INDEX);
	nl_socket_free(socket);
	if (status < 0)
		return error_set(err, 0, "cannot bring up the loopback device of the cage: %s", nl_geterror(status));
	return 0;
}
