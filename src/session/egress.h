/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Egress: the process through which a server reaches the hosts that policy names, and no others. It answers the cage's DNS queries,
 * accepts the server's connections on sockets that belong to the cage's network namespace, resolves the name outside, checks the
 * address, connects to exactly that address, and relays.
 *
 *   egress.c          confinement, the loop, what the monitor says
 *   egress-dns.c      the DNS stub
 *   egress-names.c    the rules, names and their synthetic addresses
 *   egress-connect.c  from an accepted connection to a connected one
 *   egress-relay.c    bytes between the two
 *   egress-resolve.c  the resolver: a process of its own
 *   egress-start.c    starting it, for a session and for the installation of packages
 *
 * What it says to the monitor are records of PEER_EGRESS (record.h): each refused name once, each connection at its end, totals. What it
 * may be told at any time while it runs:
 *
 *   RECORD_ALLOW_HOST   a further rule, with an id that the monitor chooses, until a time. Answered by RECORD_GRANTED, and once more
 *                       when it is over. Names only, and ports that the session has (network_ports()): for addresses there is no
 *                       route, and for other ports no socket.
 *   RECORD_REVOKE       take the rule with that id away. Connections that no other rule allows are cut; so they are when the
 *                       rule's time is over.
 *   RECORD_NAME_ANSWER  the answer to RECORD_NAME_ASK, which egress sends for an unknown name when policy says "ask"; the DNS answer is
 *                       held meanwhile, NAME_ASK_TIME at most. To allow it, send RECORD_ALLOW_HOST first.
 *   RECORD_DRAIN        send totals and end
 */
#pragma once

#include "base/error.h"
#include "policy/plan.h"

#include <sys/types.h>

/* How long a DNS answer waits for a person, in milliseconds; resolvers in the cage are told to be as patient. */
#define NAME_ASK_TIME 60000
/* Names that are asked about at the same time; more are refused. */
#define NAME_ASKS_MAX 8
/* Rules that can be added to a session at the same time. */
#define GRANTS_MAX 64

struct egress_fds {
	int monitor; /* records */
	int init;    /* from it come the sockets of the cage: see cage/netns.c */
};

/* The body of the process. Never returns. */
_Noreturn void egress_main(const struct plan *plan, const struct egress_fds *fds);

/*
 * Fork it, before cage_clone(): it lives in our network namespace. *MONITOR gets the socket for its records, *INIT the one that init has
 * to have (struct init_fds.egress) and that the caller closes after the cage is cloned.
 */
int egress_start(const struct plan *plan, pid_t *pid, int *monitor, int *init, struct error *err);
