/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rows of the table of keys (keys.h). The texts are read by people in --help and in the manual pages:
 * `help` has to fit beside the option, `man` may take the room it needs.
 */
#include "policy/keys.h"

#include "policy/facts.h"
#include "policy/policy.h"

#define MEMBER(name) .offset = offsetof(struct policy, name)
#define KiB ((uint64_t)1024)
#define MiB (KiB * 1024)
#define GiB (MiB * 1024)
#define SIZE_HIGH (1024 * 1024 * GiB)
#define MINUTE_MS ((uint64_t)60 * 1000)
#define YEAR_MS (366 * 24 * 60 * MINUTE_MS)

static const char *const words_args[] = { "off", "ro", "rw", NULL };
static const char *const words_home[] = { "session", NULL };
static const char *const words_network[] = { "none", "names", "host", NULL };
static const char *const words_unknown[] = { "deny", "ask", NULL };
static const char *const words_sni[] = { "check", "off", NULL };
static const char *const words_ech[] = { "deny", "allow", NULL };
static const char *const words_layers[] = {
	"userns", "seccomp", "landlock", "apparmor", "cgroup", "timens", "audit", NULL,
};
static const char *const words_fetch[] = { "never", "missing", NULL };
static const char *const words_off[] = { "off", NULL };
/* In the order of their enumerations in mediation.h. */
static const char *const words_verdict[] = { "deny", "ask", "allow", NULL };
static const char *const words_pins[] = { "review", "first-use", "off", NULL };
static const char *const words_action[] = { "block", "redact", "note", "off", NULL };
static const char *const words_breach[] = { "stop", "hold", "note", NULL };

const char *const policy_group_titles[GROUPS_N] = {
	[GROUP_FILES] = "Files",
	[GROUP_ENVIRONMENT] = "Environment",
	[GROUP_NETWORK] = "Network",
	[GROUP_LIMITS] = "Limits",
	[GROUP_CONFINE] = "Layers of the cage",
	[GROUP_PACKAGES] = "Packages",
	[GROUP_TOOLS] = "Tools",
	[GROUP_PINS] = "Pins",
	[GROUP_TEXT] = "Texts",
	[GROUP_CLIENT] = "What the server may ask of the client",
	[GROUP_ASK] = "Asking the user",
	[GROUP_GRANTS] = "Grants to a running session",
	[GROUP_ALARMS] = "Alarms",
	[GROUP_RECORDS] = "Records",
	[GROUP_POLICY] = "Policy",
	[GROUP_GENERAL] = "General",
};

const struct policy_key policy_keys[KEYS_N] = {
	[KEY_FILES_READ] = {
		.id = KEY_FILES_READ,
		.path = "files.read", .option = "--ro", .argument = "PATH[:DEST]",
		.group = GROUP_FILES, .type = VALUE_GRANTS, .tighten = TIGHTEN_FEWER,
		.help = "let the server read PATH, shown at DEST in the cage",
		.man = "Let the server read the file or folder PATH and what is below it. It appears in the "
		       "cage under its own name, or at DEST. PATH has to exist. Two grants with one place there are "
		       "refused.\n\n"
		       "Folders that hold credentials, or a client's or mcpcage's own configuration, are "
		       "hidden when they lie inside PATH, unless PATH names such a folder itself. \"/\", "
		       "/proc, /sys, /dev, /run, /tmp and /home, sockets and device nodes cannot be granted.",
	},
	[KEY_FILES_WRITE] = {
		.id = KEY_FILES_WRITE,
		.path = "files.write", .option = "--rw", .argument = "PATH[:DEST]",
		.group = GROUP_FILES, .type = VALUE_GRANTS, .tighten = TIGHTEN_FEWER,
		.help = "let the server read and change PATH",
		.man = "As files.read (--ro), and the server may change, create and delete files there. "
		       "What the system needs, such as /usr, and mcpcage's own policy and state cannot be "
		       "granted for writing.",
	},
	[KEY_FILES_TMPFS] = {
		.id = KEY_FILES_TMPFS,
		.path = "files.tmpfs", .option = "--tmpfs", .argument = "PATH",
		.group = GROUP_FILES, .type = VALUE_PATHS, .tighten = TIGHTEN_FEWER, MEMBER(tmpfs),
		.help = "an empty, writable folder at PATH, gone at the end",
		.man = "Show an empty folder in memory at PATH. The server may write there, up to "
		       "files.tmp_size; at the end of the session it is gone.",
	},
	[KEY_FILES_MADE] = {
		.id = KEY_FILES_MADE,
		.path = "files.made",
		.group = GROUP_FILES, .type = VALUE_FILES, .tighten = TIGHTEN_FEWER,
		.help = "files that exist in the cage only",
		.man = "Files that mcpcage makes in the cage, for a server that wants to be told something by a file of "
		       "settings: an object of paths, each with the file's text. They are read-only, and nothing of the "
		       "system or of the cage's own can be hidden by them, but for what mcpcage makes itself, such as "
		       "/etc/hosts. A later layer replaces a file with the same path.",
	},
	[KEY_FILES_ARGS] = {
		.id = KEY_FILES_ARGS,
		.path = "files.args", .option = "--args", .argument = "ro|rw|off",
		.group = GROUP_FILES, .type = VALUE_ENUM, .tighten = TIGHTEN_STRICT,
		.words = words_args, MEMBER(args),
		.fallback = "ro",
		.help = "paths among the server's arguments: ro, rw or off",
		.man = "What to do with existing absolute paths among the server's own arguments (also as "
		       "in --root=/srv/data): grant them for reading (ro), for reading and writing (rw), or "
		       "not at all (off). Each grant is told in a line on standard error. An argument never "
		       "opens \"/\", the home folder itself, system folders or a place that holds "
		       "credentials: that is an error, since a server that is told to use such a folder and "
		       "cannot see it would only fail later.",
	},
	[KEY_FILES_HOME] = {
		.id = KEY_FILES_HOME,
		.path = "files.home", .option = "--home", .argument = "session|TIME|keep",
		.group = GROUP_FILES, .type = VALUE_DURATION, .tighten = TIGHTEN_LOWER, MEMBER(home_keep),
		.words = words_home, .low = 0, .high = 100 * YEAR_MS, .unlimited = "keep", .fallback = "session",
		.help = "what becomes of the private home: session, keep, or 30d",
		.man = "What becomes of what the server writes into its private home folder: a cache, a database, a memory "
		       "file. session: it is in memory and gone at the end. keep: the home is a folder on disk of this server's "
		       "own, below \"homes\" in mcpcage's state folder, and the same files are there the next time. A time "
		       "such as 30d: likewise, and wiped when it was not used for that long.\n\n"
		       "Each configured server has its own, under the name that its pins have (pins.name); sessions of the "
		       "same server that run at once share it. Nothing in it is read or run outside the cage. What an "
		       "attacker made a server write there, it finds again the next time, too, and what one session could "
		       "read the next one can send away: where the same command is used with other grants or another "
		       "network, give each its own pins.name. \"mcpcage state\" lists and wipes homes. The private /tmp is "
		       "never kept.",
	},
	[KEY_FILES_HOME_SIZE] = {
		.id = KEY_FILES_HOME_SIZE,
		.path = "files.home_size", .option = "--home-size", .argument = "SIZE",
		.group = GROUP_FILES, .type = VALUE_SIZE, .tighten = TIGHTEN_LOWER, MEMBER(home_size),
		.low = 4 * KiB, .high = SIZE_HIGH, .fallback = "256M",
		.help = "how much fits in the private home folder",
		.man = "How much the server can write into its private home folder, unless the home is kept "
		       "(files.home). A folder on disk has no such limit that an ordinary user could set, but for "
		       "limits.file_size: a kept home is measured at the start, and a line on standard error tells "
		       "when it holds more.",
	},
	[KEY_FILES_TMP_SIZE] = {
		.id = KEY_FILES_TMP_SIZE,
		.path = "files.tmp_size", .option = "--tmp-size", .argument = "SIZE",
		.group = GROUP_FILES, .type = VALUE_SIZE, .tighten = TIGHTEN_LOWER, MEMBER(tmp_size),
		.low = 4 * KiB, .high = SIZE_HIGH, .fallback = "256M",
		.help = "how much fits in each of /tmp, /dev/shm and --tmpfs",
		.man = "How much the server can write into each of the private /tmp, /var/tmp, /dev/shm and "
		       "the folders of files.tmpfs.",
	},
	[KEY_FILES_SYSTEM] = {
		.id = KEY_FILES_SYSTEM,
		.path = "files.system",
		.group = GROUP_FILES, .type = VALUE_PATHS, .tighten = TIGHTEN_FEWER, MEMBER(system),
		.help = "what every server may read of the system",
		.man = "Files and folders of the system that are shown read-only where they exist. The "
		       "shipped list has /usr, the links to it in \"/\", and those files below /etc that "
		       "language runtimes and TLS libraries read. /etc/passwd, group, hosts, hostname, "
		       "resolv.conf, nsswitch.conf and machine-id are never the host's: mcpcage makes ones "
		       "that name the user, localhost and no resolver (or, with hosts in network.allow, the cage's own; "
		       "with network.mode host, hosts and resolv.conf are the host's).",
	},
	[KEY_ENV] = {
		.id = KEY_ENV,
		.path = "env", .option = "--env", .argument = "NAME[=VALUE]",
		.group = GROUP_ENVIRONMENT, .type = VALUE_ENV, .tighten = TIGHTEN_FEWER,
		.help = "set a variable, or pass it on when there is no VALUE",
		.man = "Environment variables of the server. Nothing else of the environment that mcpcage "
		       "was started with enters. HOME, USER, LOGNAME, PATH, SHELL, TMPDIR and the XDG "
		       "folders are always set, to what holds in the cage.\n\n"
		       "In a policy file an object: a string sets the variable, true passes mcpcage's own "
		       "on if there is one, false takes away what an earlier layer said, and {\"home\": PATH} sets it to "
		       "that path below the private home, wherever that is. On the command line, NAME=VALUE sets and NAME "
		       "passes on.",
	},
	[KEY_NETWORK_MODE] = {
		.id = KEY_NETWORK_MODE,
		.path = "network.mode", .option = "--network", .argument = "none|names|host",
		.group = GROUP_NETWORK, .type = VALUE_ENUM, .tighten = TIGHTEN_STRICT,
		.words = words_network, MEMBER(network),
		.fallback = "names",
		.help = "none, the hosts of --allow-host, or the host's",
		.man = "none: a network of its own with nothing in it but a loopback interface. names: the same, and the "
		       "hosts of network.allow can be reached; while that list is empty, this is none. host: the "
		       "host's network, with every service that listens on this machine and the local "
		       "network, and the abstract sockets of the desktop. Think twice.",
	},
	[KEY_NETWORK_ALLOW] = {
		.id = KEY_NETWORK_ALLOW,
		.path = "network.allow", .option = "--allow-host", .argument = "HOST[:PORTS]",
		.group = GROUP_NETWORK, .type = VALUE_HOSTS, .tighten = TIGHTEN_FEWER, MEMBER(names.allow),
		.help = "let the server reach HOST by its name: api.example.org:443",
		.man = "Let the server connect to HOST, by TCP, and to nothing else. HOST is a name; or \"*.\" and a name, for all "
		       "names below it and not for itself; or an address, or a range of addresses such as 192.0.2.0/24. PORTS "
		       "are like 443, or 80,443, or 8000-8010; without them it is 443. An IPv6 address with ports stands in "
		       "brackets. A name with letters outside ASCII is written as DNS has it, with \"xn--\".\n\n"
		       "The server uses the name as ever, without a proxy or any setting. There is a resolver in the cage that knows "
		       "these names and no others; see \"Network by name\" in mcpcage(1). Who can reach a host can send there "
		       "whatever the server can read.",
	},
	[KEY_NETWORK_PRIVATE] = {
		.id = KEY_NETWORK_PRIVATE,
		.path = "network.private", .option = "--allow-private", .argument = "RANGE",
		.group = GROUP_NETWORK, .type = VALUE_RANGES, .tighten = TIGHTEN_FEWER, MEMBER(names.ranges),
		.help = "names may resolve to private addresses in RANGE",
		.man = "Addresses that are not the internet's, and that names of network.allow may resolve to all the same: "
		       "ranges such as 10.0.0.0/8. Without it, a name is not followed to an address of this machine, of a private "
		       "or local network, of a cloud's metadata service, or to any other address with a special purpose, whatever "
		       "DNS says; the same holds for IPv6 addresses that carry such an IPv4 address. It opens nothing by itself: an "
		       "address that the server may connect to without a name is named in network.allow.",
	},
	[KEY_NETWORK_DEFAULT] = {
		.id = KEY_NETWORK_DEFAULT,
		.path = "network.default",
		.group = GROUP_NETWORK, .type = VALUE_ENUM, .tighten = TIGHTEN_STRICT,
		.words = words_unknown, MEMBER(names.unknown), .fallback = "deny",
		.help = "what becomes of names that are not allowed",
		.man = "What becomes of a name that network.allow does not have. deny: there is no such name, and a line on standard "
		       "error says how it could be allowed. ask: the person is asked, as for a call of a tool; where nobody can be "
		       "asked, it is denied.",
	},
	[KEY_NETWORK_SNI] = {
		.id = KEY_NETWORK_SNI,
		.path = "network.sni",
		.group = GROUP_NETWORK, .type = VALUE_ENUM, .tighten = TIGHTEN_STRICT,
		.words = words_sni, MEMBER(names.sni), .fallback = "check",
		.help = "whether TLS has to be for the name that was resolved",
		.man = "check: a connection that starts with TLS has to be for the name that the server has resolved: one that names "
		       "another host in its ClientHello (SNI), or cannot be read, is cut. Many hosts share an address, and could be reached "
		       "through each other otherwise. off: nothing is looked into.",
	},
	[KEY_NETWORK_ECH] = {
		.id = KEY_NETWORK_ECH,
		.path = "network.ech",
		.group = GROUP_NETWORK, .type = VALUE_ENUM, .tighten = TIGHTEN_STRICT,
		.words = words_ech, MEMBER(names.ech), .fallback = "deny",
		.help = "whether TLS may hide the name it is for",
		.man = "deny: a TLS connection with an encrypted ClientHello, whose name cannot be checked, is cut. allow: it passes, and so "
		       "does whatever name it has inside.",
	},
	[KEY_NETWORK_CONNECTIONS] = {
		.id = KEY_NETWORK_CONNECTIONS,
		.path = "network.connections",
		.group = GROUP_NETWORK, .type = VALUE_COUNT, .tighten = TIGHTEN_LOWER, MEMBER(names.connections),
		.low = 1, .high = 65536, .fallback = "1024",
		.help = "connections at the same time",
		.man = "How many connections the server may have at the same time. Further ones wait until one ends. Each needs up to "
		       "six descriptors: where the limit of open files (ulimit -H -n) does not allow as many, there are fewer.",
	},
	[KEY_NETWORK_CONNECTIONS_TOTAL] = {
		.id = KEY_NETWORK_CONNECTIONS_TOTAL,
		.path = "network.connections_total",
		.group = GROUP_NETWORK, .type = VALUE_COUNT, .tighten = TIGHTEN_LOWER, MEMBER(names.connections_total),
		.low = 1, .high = (uint64_t)1 << 40, .unlimited = "unlimited", .fallback = "unlimited",
		.help = "connections of a session",
		.man = "How many connections the server may make in a session. Further ones are reset.",
	},
	[KEY_NETWORK_CONNECTION_BYTES] = {
		.id = KEY_NETWORK_CONNECTION_BYTES,
		.path = "network.connection_bytes",
		.group = GROUP_NETWORK, .type = VALUE_SIZE, .tighten = TIGHTEN_LOWER, MEMBER(names.connection_bytes),
		.low = 1, .high = SIZE_HIGH, .unlimited = "unlimited", .fallback = "unlimited",
		.help = "bytes of a connection",
		.man = "How many bytes may pass through one connection, both directions together, before it is cut.",
	},
	[KEY_NETWORK_SESSION_BYTES] = {
		.id = KEY_NETWORK_SESSION_BYTES,
		.path = "network.session_bytes",
		.group = GROUP_NETWORK, .type = VALUE_SIZE, .tighten = TIGHTEN_LOWER, MEMBER(names.session_bytes),
		.low = 1, .high = SIZE_HIGH, .unlimited = "unlimited", .fallback = "unlimited",
		.help = "bytes of all connections of a session",
		.man = "How many bytes may pass through all connections of a session, both directions together. After that, all of "
		       "them are cut and further ones reset.",
	},
	[KEY_NETWORK_IDLE_TIMEOUT] = {
		.id = KEY_NETWORK_IDLE_TIMEOUT,
		.path = "network.idle_timeout",
		.group = GROUP_NETWORK, .type = VALUE_DURATION, .tighten = TIGHTEN_LOWER, MEMBER(names.idle_timeout),
		.low = 1000, .high = YEAR_MS, .unlimited = "unlimited", .fallback = "1h",
		.help = "how long a connection may be silent",
		.man = "A connection through which nothing passed for this long, in either direction, is cut.",
	},
	[KEY_LIMITS_MEMORY] = {
		.id = KEY_LIMITS_MEMORY,
		.path = "limits.memory", .option = "--memory", .argument = "SIZE",
		.group = GROUP_LIMITS, .type = VALUE_SIZE, .tighten = TIGHTEN_LOWER, MEMBER(memory),
		.low = MiB, .high = SIZE_HIGH, .unlimited = "unlimited", .fallback = "2G",
		.help = "memory of all its processes together",
		.man = "Memory of all processes in the cage together, files in its private folders "
		       "included. Needs control groups; see confine.require.",
	},
	[KEY_LIMITS_SWAP] = {
		.id = KEY_LIMITS_SWAP,
		.path = "limits.swap", .option = "--swap", .argument = "SIZE",
		.group = GROUP_LIMITS, .type = VALUE_SIZE, .tighten = TIGHTEN_LOWER, MEMBER(swap),
		.low = 0, .high = SIZE_HIGH, .unlimited = "unlimited", .fallback = "0",
		.help = "swap space beside --memory",
		.man = "Swap space that the cage may use beside limits.memory. 0 is none at all. Needs "
		       "control groups.",
	},
	[KEY_LIMITS_TASKS] = {
		.id = KEY_LIMITS_TASKS,
		.path = "limits.tasks", .option = "--tasks", .argument = "NUMBER",
		.group = GROUP_LIMITS, .type = VALUE_COUNT, .tighten = TIGHTEN_LOWER, MEMBER(tasks),
		.low = 1, .high = 1 << 22, .unlimited = "unlimited", .fallback = "256",
		.help = "processes and threads together",
		.man = "How many processes and threads the cage may hold together. Language runtimes start "
		       "between 7 and 30 threads; a value below 64 breaks many. Needs control groups.",
	},
	[KEY_LIMITS_CPU] = {
		.id = KEY_LIMITS_CPU,
		.path = "limits.cpu", .option = "--cpu", .argument = "PERCENT",
		.group = GROUP_LIMITS, .type = VALUE_PERCENT, .tighten = TIGHTEN_LOWER, MEMBER(cpu),
		.low = 1, .high = 1000000, .unlimited = "unlimited", .fallback = "unlimited",
		.help = "processor time; 150% is one and a half processors",
		.man = "Processor time of the whole cage: 100% is one processor. Needs control groups.",
	},
	[KEY_LIMITS_IO] = {
		.id = KEY_LIMITS_IO,
		.path = "limits.io", .option = "--io", .argument = "SIZE",
		.group = GROUP_LIMITS, .type = VALUE_SIZE, .tighten = TIGHTEN_LOWER, MEMBER(io),
		.low = 64 * KiB, .high = SIZE_HIGH, .unlimited = "unlimited", .fallback = "unlimited",
		.help = "bytes that may be read from, and written to, a disk a second",
		.man = "How many bytes a second all processes in the cage together may read from a disk, and as many written to it. "
		       "It holds for each disk that something in the cage lies on; partitions of one disk share it. What is written counts when it gets to the disk, not while it waits in memory. Needs control "
		       "groups with the io controller, which systemd hands to no user by itself: an administrator adds it with "
		       "\"Delegate=cpu cpuset io memory pids\" below [Service] in /etc/systemd/system/user@.service.d/delegate.conf, "
		       "as mcpcage doctor shows. What lies on a network file system, on FUSE or on an overlay cannot be limited. "
		       "What cannot is told, or fatal, as confine.require says.",
	},
	[KEY_LIMITS_OPEN_FILES] = {
		.id = KEY_LIMITS_OPEN_FILES,
		.path = "limits.open_files", .option = "--open-files", .argument = "NUMBER",
		.group = GROUP_LIMITS, .type = VALUE_COUNT, .tighten = TIGHTEN_LOWER, MEMBER(open_files),
		.low = 1024, .high = 1 << 20, .fallback = "4096",
		.help = "open files of each process; at least 1024",
		.man = "How many files each process may have open (RLIMIT_NOFILE). Not below 1024, because "
		       "runtimes fail in odd ways then.",
	},
	[KEY_LIMITS_FILE_SIZE] = {
		.id = KEY_LIMITS_FILE_SIZE,
		.path = "limits.file_size", .option = "--file-size", .argument = "SIZE",
		.group = GROUP_LIMITS, .type = VALUE_SIZE, .tighten = TIGHTEN_LOWER, MEMBER(file_size),
		.low = 4 * KiB, .high = SIZE_HIGH, .unlimited = "unlimited", .fallback = "unlimited",
		.help = "largest file the server may write",
		.man = "The largest file that a process may write (RLIMIT_FSIZE).",
	},
	[KEY_LIMITS_MESSAGE_SIZE] = {
		.id = KEY_LIMITS_MESSAGE_SIZE,
		.path = "limits.message_size", .option = "--message-size", .argument = "SIZE",
		.group = GROUP_LIMITS, .type = VALUE_SIZE, .tighten = TIGHTEN_LOWER, MEMBER(message_size),
		.low = 64 * KiB, .high = GiB, .fallback = "10M",
		.help = "largest message in either direction",
		.man = "The largest JSON-RPC message that passes, in either direction. A larger one is "
		       "refused with an answer to its sender; the session goes on. Many clients close the "
		       "connection at 10 MiB.",
	},
	[KEY_LIMITS_CALL_TIMEOUT] = {
		.id = KEY_LIMITS_CALL_TIMEOUT,
		.path = "limits.call_timeout", .option = "--call-timeout", .argument = "TIME",
		.group = GROUP_LIMITS, .type = VALUE_DURATION, .tighten = TIGHTEN_LOWER, MEMBER(call_timeout),
		.low = 1, .high = YEAR_MS, .unlimited = "none", .fallback = "5m",
		.help = "how long one request may take",
		.man = "How long the server may take to answer a request. Then the client gets an answer "
		       "that says so, the server is told to cancel, and a late reply is dropped.",
	},
	[KEY_LIMITS_IDLE_TIMEOUT] = {
		.id = KEY_LIMITS_IDLE_TIMEOUT,
		.path = "limits.idle_timeout", .option = "--idle-timeout", .argument = "TIME",
		.group = GROUP_LIMITS, .type = VALUE_DURATION, .tighten = TIGHTEN_LOWER, MEMBER(idle_timeout),
		.low = 1, .high = YEAR_MS, .unlimited = "none", .fallback = "none",
		.help = "end the session when no message passed for TIME",
		.man = "End the session when no message passed in either direction for this long.",
	},
	[KEY_LIMITS_FREEZE_IDLE] = {
		.id = KEY_LIMITS_FREEZE_IDLE,
		.path = "limits.freeze_idle", .option = "--freeze-idle", .argument = "TIME",
		.group = GROUP_LIMITS, .type = VALUE_DURATION, .tighten = TIGHTEN_LOWER, MEMBER(freeze_idle),
		.low = 100, .high = YEAR_MS, .unlimited = "off", .fallback = "off",
		.help = "freeze the server when nothing was asked for TIME",
		.man = "Freeze every process of the server when the client has asked nothing for this long: no request is being "
		       "worked on, and no answer or task is awaited. It cannot compute, search or send anything then, and the next "
		       "message lets it go on. What the server says of its own accord does not keep it awake, and a request that "
		       "never ends, such as subscriptions/listen, does. With a control group the group is frozen, "
		       "without one its processes are stopped by signals, which they can see. Timers of the server that "
		       "were due meanwhile fire late.",
	},
	[KEY_LIMITS_SESSION_TIMEOUT] = {
		.id = KEY_LIMITS_SESSION_TIMEOUT,
		.path = "limits.session_timeout", .option = "--session-timeout", .argument = "TIME",
		.group = GROUP_LIMITS, .type = VALUE_DURATION, .tighten = TIGHTEN_LOWER,
		MEMBER(session_timeout),
		.low = 1, .high = YEAR_MS, .unlimited = "none", .fallback = "none",
		.help = "end the session after TIME",
		.man = "End the session after this long, whatever happens.",
	},
	[KEY_CONFINE_REQUIRE] = {
		.id = KEY_CONFINE_REQUIRE,
		.path = "confine.require", .option = "--require", .argument = "LAYER",
		.group = GROUP_CONFINE, .type = VALUE_LAYERS, .tighten = TIGHTEN_MORE,
		.words = words_layers, MEMBER(require),
		.help = "refuse to start without LAYER",
		.man = "Refuse to start when a layer of the cage is missing on this machine: landlock, "
		       "apparmor, cgroup, timens (a time namespace) or audit (the audit log can be "
		       "written). userns (namespaces) and seccomp are always required. A missing layer that "
		       "is not required is told in a line on standard error. The command mcpcage doctor "
		       "shows what there is.",
	},
	[KEY_CONFINE_APPARMOR] = {
		.id = KEY_CONFINE_APPARMOR,
		.path = "confine.apparmor", .option = "--apparmor", .argument = "PROFILE|off",
		.group = GROUP_CONFINE, .type = VALUE_STRING, .tighten = TIGHTEN_FIXED, MEMBER(apparmor),
		.help = "AppArmor profile to stack; off: none",
		.man = "The name of a loaded AppArmor profile that confines the server in addition to the "
		       "label that mcpcage itself runs under. It makes the layer apparmor required. Without this key it is "
		       APPARMOR_SERVER ", the profile that comes with mcpcage, where that is loaded; off: none.",
	},
	[KEY_CONFINE_UNIX_SOCKETS] = {
		.id = KEY_CONFINE_UNIX_SOCKETS,
		.path = "confine.unix_sockets", .option = "--unix-sockets",
		.group = GROUP_CONFINE, .type = VALUE_BOOL, .tighten = TIGHTEN_STRICT, MEMBER(unix_sockets),
		.fallback = "false",
		.help = "let the server make Unix-domain sockets",
		.man = "Let the server make Unix-domain sockets, for programs that talk among themselves "
		       "inside the cage. A socket of the host stays out of reach, unless it lies in a folder "
		       "that is granted: what listens there, such as an agent or a container engine, acts "
		       "outside the cage, so grant no such folder.",
	},
	[KEY_CONFINE_REDUCED] = {
		.id = KEY_CONFINE_REDUCED,
		.path = "confine.reduced", .option = "--reduced",
		.group = GROUP_CONFINE, .type = VALUE_BOOL, .tighten = TIGHTEN_STRICT, MEMBER(reduced),
		.fallback = "false",
		.help = "go without namespaces where they cannot be had",
		.man = "Where user namespaces cannot be had, and there alone, start the server without any: Landlock and the "
		       "system call filter keep it from your files, processes and sockets, and there is no second wall. It is "
		       "told in the first lines on standard error, by \"mcpcage explain\" and in the audit log. It needs Landlock "
		       "of ABI 6 (Linux 6.12). Where namespaces work, the key changes nothing. See \"REDUCED MODE\" in mcpcage(1) "
		       "for what is missing and what cannot be used.",
	},
	[KEY_PACKAGES_FETCH] = {
		.id = KEY_PACKAGES_FETCH,
		.path = "packages.fetch", .option = "--fetch", .argument = "never|missing",
		.group = GROUP_PACKAGES, .type = VALUE_ENUM, .tighten = TIGHTEN_STRICT,
		.words = words_fetch, MEMBER(packages_fetch),
		.fallback = "missing",
		.help = "install packages that are not in the store: never, missing",
		.man = "Whether the package of a command such as npx or uvx is installed when it is not in the store yet "
		       "(missing), or only by \"mcpcage fetch\" and \"mcpcage store update\" (never).",
	},
	[KEY_PACKAGES_SCRIPTS] = {
		.id = KEY_PACKAGES_SCRIPTS,
		.path = "packages.scripts", .option = "--allow-scripts",
		.group = GROUP_PACKAGES, .type = VALUE_BOOL, .tighten = TIGHTEN_STRICT, MEMBER(packages_scripts),
		.fallback = "false",
		.help = "let packages run their install scripts, in the fetch cage",
		.man = "Let packages run their install scripts (npm), or be built from source (PyPI), when they are "
		       "installed. They run in the cage that packages are fetched in, with none of the user's files, but "
		       "with its network, and what they make is part of the package from then on. A package that was "
		       "installed with this is kept apart from the same one without.",
	},
	[KEY_PACKAGES_HOSTS] = {
		.id = KEY_PACKAGES_HOSTS,
		.path = "packages.hosts", .option = "--registry-host", .argument = "HOST[:PORTS]",
		.group = GROUP_PACKAGES, .type = VALUE_HOSTS, .tighten = TIGHTEN_FEWER, MEMBER(packages_hosts),
		.help = "a host that installing packages needs beside its registry",
		.man = "A host that npm, pip or uv may reach while they install, beside those of the registries, indexes and proxies that "
		       "they are configured with; written like those of network.allow. A registry that keeps its files on another "
		       "host needs it; which one is told in a line on standard error. The server itself gets nothing by it.",
	},
	[KEY_TOOLS_ALLOW] = {
		.id = KEY_TOOLS_ALLOW,
		.path = "tools.allow", .option = "--allow-tool", .argument = "GLOB",
		.group = GROUP_TOOLS, .type = VALUE_GLOBS, .tighten = TIGHTEN_FEWER, MEMBER(mediation.tools_allow),
		.help = "only tools that match may be called",
		.man = "Patterns (*, ?, [...]) of the names of the tools that may be called. Without this "
		       "key every tool may be called; an empty list allows none. A refused call is answered "
		       "with the reason and never reaches the server.",
	},
	[KEY_TOOLS_DENY] = {
		.id = KEY_TOOLS_DENY,
		.path = "tools.deny", .option = "--deny-tool", .argument = "GLOB",
		.group = GROUP_TOOLS, .type = VALUE_GLOBS, .tighten = TIGHTEN_MORE, MEMBER(mediation.tools_deny),
		.help = "tools that match may not be called",
		.man = "Patterns of the names of tools that may not be called, whatever tools.allow says.",
	},
	[KEY_TOOLS_ASK] = {
		.id = KEY_TOOLS_ASK,
		.path = "tools.ask", .option = "--ask-tool", .argument = "GLOB",
		.group = GROUP_TOOLS, .type = VALUE_GLOBS, .tighten = TIGHTEN_MORE,
		MEMBER(mediation.tools_ask),
		.help = "ask the user before tools that match",
		.man = "Patterns of the names of tools for which the user is asked before each call, even "
		       "where a rule or tools.default would allow it. How the user is asked, and what "
		       "happens without an answer, is told under ASKING in mcpcage(1).",
	},
	[KEY_TOOLS_RULES] = {
		.id = KEY_TOOLS_RULES,
		.path = "tools.rules",
		.group = GROUP_TOOLS, .type = VALUE_RULES, .tighten = TIGHTEN_STAGE, MEMBER(mediation.rules),
		.help = "rules on calls of tools",
		.man = "Rules on calls, a list of objects; see RULES ON CALLS. The first one whose pattern "
		       "matches the name of the tool decides. The rules of a later layer come before those "
		       "of earlier ones.\n\n"
		       "Each rule has \"tool\", a pattern, and \"verdict\": allow, ask or deny. It may have "
		       "\"arguments\", a JSON Schema that the arguments of the call have to satisfy; \"rate\", "
		       "how many calls it lets pass a minute; \"concurrency\", how many at the same time; "
		       "\"timeout\" and \"result_size\", how long a call may take and how large its answer may "
		       "be, within limits.call_timeout and limits.message_size; and \"reason\", which is told "
		       "to whoever is refused or asked.",
	},
	[KEY_TOOLS_DEFAULT] = {
		.id = KEY_TOOLS_DEFAULT,
		.path = "tools.default", .option = "--tools-default", .argument = "deny|ask|allow",
		.group = GROUP_TOOLS, .type = VALUE_ENUM, .tighten = TIGHTEN_STRICT,
		MEMBER(mediation.tools_default),
		.words = words_verdict, .fallback = "allow",
		.help = "what happens to a call that no rule matches",
		.man = "What happens to a call of a tool that no rule matches and no list names. Locking it "
		       "locks tools.rules as well.",
	},
	[KEY_TOOLS_ASK_FIRST_USE] = {
		.id = KEY_TOOLS_ASK_FIRST_USE,
		.path = "tools.ask_first_use", .option = "--ask-first-use",
		.group = GROUP_TOOLS, .type = VALUE_BOOL, .tighten = TIGHTEN_TRUE,
		MEMBER(mediation.ask_first_use),
		.fallback = "false",
		.help = "ask the user before the first call ever of a tool",
		.man = "Ask the user before the first call of a tool that no session of this server has "
		       "used before, also where the call would be allowed. A tool that has changed is a new one.",
	},
	[KEY_SCHEMA_FORMATS] = {
		.id = KEY_SCHEMA_FORMATS,
		.path = "schema.formats",
		.group = GROUP_TOOLS, .type = VALUE_BOOL, .tighten = TIGHTEN_TRUE,
		MEMBER(mediation.schema_formats),
		.fallback = "false",
		.help = "check \"format\" in schemas of tools",
		.man = "Whether \"format\" in the schemas of a server's tools (date-time, email, uri, uuid, "
		       "addresses and so on) is checked. By default it only describes, as JSON Schema has "
		       "it. In the schemas of tools.rules it is always checked.",
	},
	[KEY_SCHEMA_UNCHECKED] = {
		.id = KEY_SCHEMA_UNCHECKED,
		.path = "schema.unchecked",
		.group = GROUP_TOOLS, .type = VALUE_BOOL, .tighten = TIGHTEN_STRICT,
		MEMBER(mediation.schema_unchecked),
		.fallback = "false",
		.help = "allow tools whose schema cannot be checked",
		.man = "Whether tools may be called whose schema cannot be checked, because it is no valid "
		       "JSON Schema, refers to other documents, or is too large. Their arguments pass "
		       "unchecked then.",
	},
	[KEY_METHODS_FORWARD] = {
		.id = KEY_METHODS_FORWARD,
		.path = "methods.forward", .option = "--forward-method", .argument = "GLOB",
		.group = GROUP_TOOLS, .type = VALUE_GLOBS, .tighten = TIGHTEN_FEWER,
		MEMBER(mediation.methods),
		.help = "forward methods that match and are unknown",
		.man = "Patterns of the names of methods that no version of the protocol has and that the "
		       "client may use all the same. Others that are unknown are answered with an error and "
		       "never reach the server. What passes this way is not looked into.",
	},
	[KEY_PINS_MODE] = {
		.id = KEY_PINS_MODE,
		.path = "pins.mode", .option = "--pins", .argument = "review|first-use|off",
		.group = GROUP_PINS, .type = VALUE_ENUM, .tighten = TIGHTEN_STRICT, MEMBER(mediation.pins),
		.words = words_pins, .fallback = "first-use",
		.help = "what a server shows is pinned: when",
		.man = "All that a server shows of itself (its tools with their descriptions and schemas, "
		       "prompts, resource templates, instructions, its name) is pinned, so that a later "
		       "change is noticed: what changed is hidden and refused until the change was reviewed. "
		       "review: nothing can be used until mcpcage review accepted it. first-use: what is "
		       "seen first is accepted. off: nothing is pinned.",
	},
	[KEY_PINS_NAME] = {
		.id = KEY_PINS_NAME,
		.path = "pins.name", .option = "--pins-name", .argument = "NAME",
		.group = GROUP_PINS, .type = VALUE_STRING, .tighten = TIGHTEN_FIXED,
		MEMBER(mediation.pins_name),
		.help = "keep this server's pins under NAME",
		.man = "The name of the folder, in pins of the state folder, in which the pins of this "
		       "server are kept. Without it the name follows from the command, so that another "
		       "command, or another version of it in another place, starts without pins. Letters, "
		       "digits, \".\", \"_\" and \"-\".",
	},
	[KEY_TEXT_CLEAN] = {
		.id = KEY_TEXT_CLEAN,
		.path = "text.clean",
		.group = GROUP_TEXT, .type = VALUE_BOOL, .tighten = TIGHTEN_TRUE,
		MEMBER(mediation.text_clean),
		.fallback = "true",
		.help = "take what cannot be seen out of texts",
		.man = "Whether control sequences, zero-width, bidirectional and tag characters are taken "
		       "out of all texts of the server that a model or a person will read.",
	},
	[KEY_TEXT_RULES] = {
		.id = KEY_TEXT_RULES,
		.path = "text.rules", .option = "--text-rules", .argument = "FILE",
		.group = GROUP_TEXT, .type = VALUE_PATHS, .tighten = TIGHTEN_MORE,
		MEMBER(mediation.rule_files),
		.help = "read more rules on texts from FILE",
		.man = "Files of rules on texts, which are read beside the shipped ones and those in rules/ "
		       "of the administrator's and the user's folder.",
	},
	[KEY_TEXT_ACTIONS] = {
		.id = KEY_TEXT_ACTIONS,
		.path = "text.actions", .option = "--text-action", .argument = "RULE=ACTION",
		.group = GROUP_TEXT, .type = VALUE_ACTIONS, .tighten = TIGHTEN_BLOCK, MEMBER(mediation.actions),
		.words = words_action,
		.help = "block, redact, note or off: what a rule does",
		.man = "What happens where a rule on texts hits, in place of what its file says: an object "
		       "whose members are patterns of names of rules, each with block (the message is "
		       "refused), redact (the place is cut out), note (it is only recorded) or off. A later "
		       "layer's entries come before those of earlier ones, and the first that matches "
		       "decides.",
	},
	[KEY_TEXT_COMMAND] = {
		.id = KEY_TEXT_COMMAND,
		.path = "text.command", .option = "--filter-command", .argument = "COMMAND",
		.group = GROUP_TEXT, .type = VALUE_COMMAND, .tighten = TIGHTEN_FIXED,
		MEMBER(mediation.text_command),
		.help = "a program that judges texts; runs outside the cage",
		.man = "A program that is given the texts of the server and answers what to do with them. A "
		       "text that it does not answer for in time, or at all, is refused. See PROGRAMS "
		       "OUTSIDE THE CAGE.",
	},
	[KEY_TEXT_TIMEOUT] = {
		.id = KEY_TEXT_TIMEOUT,
		.path = "text.timeout",
		.group = GROUP_TEXT, .type = VALUE_DURATION, .tighten = TIGHTEN_LOWER,
		MEMBER(mediation.text_timeout),
		.low = 1, .high = 10 * MINUTE_MS, .fallback = "10s",
		.help = "how long text.command may take for one text",
		.man = "How long text.command may take for one text.",
	},
	[KEY_CLIENT_SAMPLING] = {
		.id = KEY_CLIENT_SAMPLING,
		.path = "client.sampling", .option = "--sampling", .argument = "deny|ask|allow",
		.group = GROUP_CLIENT, .type = VALUE_ENUM, .tighten = TIGHTEN_STRICT,
		MEMBER(mediation.sampling),
		.words = words_verdict, .fallback = "deny",
		.help = "let the server use the client's model",
		.man = "Whether the server may have the client's model answer prompts of its own. What "
		       "passes is labelled with the server's name, is limited to client.sampling_tokens, and "
		       "gets nothing of the conversation. With deny, neither side is told that there is such "
		       "a thing.",
	},
	[KEY_CLIENT_SAMPLING_TOKENS] = {
		.id = KEY_CLIENT_SAMPLING_TOKENS,
		.path = "client.sampling_tokens",
		.group = GROUP_CLIENT, .type = VALUE_COUNT, .tighten = TIGHTEN_LOWER,
		MEMBER(mediation.sampling_tokens),
		.low = 1, .high = 1000000000, .fallback = "4096",
		.help = "most tokens of one sampling request",
		.man = "The most tokens that a server may ask the client's model for in one request.",
	},
	[KEY_CLIENT_ELICITATION] = {
		.id = KEY_CLIENT_ELICITATION,
		.path = "client.elicitation", .option = "--elicitation", .argument = "deny|ask|allow",
		.group = GROUP_CLIENT, .type = VALUE_ENUM, .tighten = TIGHTEN_STRICT,
		MEMBER(mediation.elicitation),
		.words = words_verdict, .fallback = "deny",
		.help = "let the server ask the user by forms",
		.man = "Whether the server may ask the user something through the client. Its forms are "
		       "labelled with the server's name; fields for passwords, keys and the like are refused "
		       "always.",
	},
	[KEY_CLIENT_ELICITATION_URL] = {
		.id = KEY_CLIENT_ELICITATION_URL,
		.path = "client.elicitation_url",
		.group = GROUP_CLIENT, .type = VALUE_ENUM, .tighten = TIGHTEN_STRICT,
		MEMBER(mediation.elicitation_url),
		.words = words_verdict, .fallback = "deny",
		.help = "let the server send the user to a web page",
		.man = "Whether the server may, besides, have the user open a web page. Only https addresses "
		       "pass, without a user name in them. allow has the client ask; ask asks before that as "
		       "well.",
	},
	[KEY_CLIENT_ROOTS] = {
		.id = KEY_CLIENT_ROOTS,
		.path = "client.roots", .option = "--roots",
		.group = GROUP_CLIENT, .type = VALUE_BOOL, .tighten = TIGHTEN_STRICT, MEMBER(mediation.roots),
		.fallback = "false",
		.help = "tell the server the folders of client.roots_list",
		.man = "Whether the server may ask which folders it is meant to work in. The answer is "
		       "client.roots_list, and not what the client would say.",
	},
	[KEY_CLIENT_ROOTS_LIST] = {
		.id = KEY_CLIENT_ROOTS_LIST,
		.path = "client.roots_list",
		.group = GROUP_CLIENT, .type = VALUE_PATHS, .tighten = TIGHTEN_FEWER,
		MEMBER(mediation.roots_list),
		.help = "the folders it is told",
		.man = "The folders that a server is told with client.roots. When none is named, they are "
		       "those that were granted to it. Nothing is granted by being named here.",
	},
	[KEY_CLIENT_TASKS] = {
		.id = KEY_CLIENT_TASKS,
		.path = "client.tasks",
		.group = GROUP_CLIENT, .type = VALUE_BOOL, .tighten = TIGHTEN_STRICT, MEMBER(mediation.tasks),
		.fallback = "true",
		.help = "let calls go on as tasks",
		.man = "Whether client and server may use tasks: calls that are answered at once and whose "
		       "result is fetched later. The result is checked as that of the call.",
	},
	[KEY_CLIENT_TTL] = {
		.id = KEY_CLIENT_TTL,
		.path = "client.ttl",
		.group = GROUP_CLIENT, .type = VALUE_DURATION, .tighten = TIGHTEN_LOWER,
		MEMBER(mediation.ttl),
		.low = 1, .high = YEAR_MS, .fallback = "5m",
		.help = "how long lists of the server may be kept",
		.man = "The longest time for which a server may tell the client to keep its lists and "
		       "results; a longer one is cut to this.",
	},
	[KEY_ASK_WITH] = {
		.id = KEY_ASK_WITH,
		.path = "ask.with", .option = "--ask-with", .argument = "COMMAND",
		.group = GROUP_ASK, .type = VALUE_COMMAND, .tighten = TIGHTEN_FIXED,
		MEMBER(mediation.ask_with),
		.help = "a program that asks the user; runs outside the cage",
		.man = "A program that asks the user where the client cannot; without it, the terminal that "
		       "mcpcage was started from, if there is one that is free. Where nobody can be asked, "
		       "the answer is no. See PROGRAMS OUTSIDE THE CAGE.",
	},
	[KEY_ASK_TIMEOUT] = {
		.id = KEY_ASK_TIMEOUT,
		.path = "ask.timeout",
		.group = GROUP_ASK, .type = VALUE_DURATION, .tighten = TIGHTEN_LOWER,
		MEMBER(mediation.ask_timeout),
		.low = 1000, .high = 60 * MINUTE_MS, .fallback = "50s",
		.help = "how long to wait for the user",
		.man = "How long to wait for the user's answer. Then the answer is no. Most clients give a "
		       "call up after 60 seconds.",
	},
	[KEY_ASK_REMEMBER] = {
		.id = KEY_ASK_REMEMBER,
		.path = "ask.remember",
		.group = GROUP_ASK, .type = VALUE_DURATION, .tighten = TIGHTEN_LOWER,
		MEMBER(mediation.ask_remember),
		.low = 1000, .high = YEAR_MS, .fallback = "30d",
		.help = "how long \"always\" lasts",
		.man = "How long the answer \"always\" is remembered. \"mcpcage approvals\" lists such answers and "
		       "takes them back.",
	},
	[KEY_GRANTS_LONGEST] = {
		.id = KEY_GRANTS_LONGEST,
		.path = "grants.longest", .option = "--grants", .argument = "TIME|off",
		.group = GROUP_GRANTS, .type = VALUE_DURATION, .tighten = TIGHTEN_LOWER,
		MEMBER(grants_longest), .words = words_off,
		.low = 0, .high = 30 * 24 * 60 * MINUTE_MS, .fallback = "1h",
		.help = "longest grant to the session while it runs",
		.man = "For how long at most \"mcpcage grant\" may give something to a session that is running. \"off\": it "
		       "gives nothing. Where an administrator has locked files.read, no path can be granted to a running "
		       "session either, whatever is said here; likewise with network.allow and hosts.",
	},
	[KEY_GRANTS_HOSTS] = {
		.id = KEY_GRANTS_HOSTS,
		.path = "grants.hosts", .option = "--grant-hosts",
		.group = GROUP_GRANTS, .type = VALUE_BOOL, .tighten = TIGHTEN_STRICT, MEMBER(grants_hosts),
		.fallback = "false",
		.help = "make ready for hosts to be granted while it runs",
		.man = "Whether hosts can be granted to a session that is started with none in network.allow. It takes a "
		       "process more, which waits for that; a session that has hosts, or network.default ask, has it anyway.",
	},
	[KEY_ALARMS_CALLS] = {
		.id = KEY_ALARMS_CALLS,
		.path = "alarms.calls",
		.group = GROUP_ALARMS, .type = VALUE_RATE, .tighten = TIGHTEN_LOWER,
		MEMBER(mediation.calls_per_minute),
		.low = 1, .high = 1000000000, .unlimited = "off", .fallback = "off",
		.help = "calls a minute",
		.man = "Raise an alarm when there are more calls of tools a minute.",
	},
	[KEY_ALARMS_BYTES] = {
		.id = KEY_ALARMS_BYTES,
		.path = "alarms.bytes",
		.group = GROUP_ALARMS, .type = VALUE_SIZE, .tighten = TIGHTEN_LOWER,
		MEMBER(mediation.bytes_per_minute),
		.low = 1, .high = SIZE_HIGH, .unlimited = "off", .fallback = "off",
		.help = "bytes a minute",
		.man = "Raise an alarm when more bytes pass a minute, both directions together.",
	},
	[KEY_ALARMS_CONCURRENCY] = {
		.id = KEY_ALARMS_CONCURRENCY,
		.path = "alarms.concurrency",
		.group = GROUP_ALARMS, .type = VALUE_COUNT, .tighten = TIGHTEN_LOWER,
		MEMBER(mediation.concurrency),
		.low = 1, .high = 1 << 20, .unlimited = "off", .fallback = "off",
		.help = "calls at the same time",
		.man = "Raise an alarm when more calls of tools are under way at the same time.",
	},
	[KEY_ALARMS_DENIALS] = {
		.id = KEY_ALARMS_DENIALS,
		.path = "alarms.denials",
		.group = GROUP_ALARMS, .type = VALUE_COUNT, .tighten = TIGHTEN_LOWER,
		MEMBER(mediation.denials_in_a_row),
		.low = 1, .high = 1 << 20, .unlimited = "off", .fallback = "off",
		.help = "refused calls in a row",
		.man = "Raise an alarm when so many calls of tools were refused one after the other.",
	},
	[KEY_ALARMS_RESULT_GROWTH] = {
		.id = KEY_ALARMS_RESULT_GROWTH,
		.path = "alarms.result_growth",
		.group = GROUP_ALARMS, .type = VALUE_COUNT, .tighten = TIGHTEN_LOWER,
		MEMBER(mediation.result_growth),
		.low = 2, .high = 1000000, .unlimited = "off", .fallback = "off",
		.help = "results so many times larger than before",
		.man = "Raise an alarm when the result of a tool is more than so many times as large as the "
		       "largest one that it gave before, in this session or earlier ones. It takes three "
		       "results to know what is usual; below 4 KiB everything is, and what was very large once "
		       "is forgotten in time.",
	},
	[KEY_ALARMS_ACTION] = {
		.id = KEY_ALARMS_ACTION,
		.path = "alarms.action",
		.group = GROUP_ALARMS, .type = VALUE_ENUM, .tighten = TIGHTEN_STRICT,
		MEMBER(mediation.on_breach),
		.words = words_breach, .fallback = "note",
		.help = "what an alarm does: stop, hold or note",
		.man = "What an alarm does besides the entry in the audit log. note: nothing. hold: for a "
		       "minute the user is asked before each call, which is refused where nobody can be asked, "
		       "and a result that raised the alarm is held back. stop: the session ends, with exit "
		       "status 124.",
	},
	[KEY_ALARMS_COMMAND] = {
		.id = KEY_ALARMS_COMMAND,
		.path = "alarms.command", .option = "--alarm-command", .argument = "COMMAND",
		.group = GROUP_ALARMS, .type = VALUE_COMMAND, .tighten = TIGHTEN_FIXED,
		MEMBER(mediation.alarm_command),
		.help = "a program run at each alarm, outside the cage",
		.man = "A program that is run at each alarm. See PROGRAMS OUTSIDE THE CAGE.",
	},
	[KEY_AUDIT_FILE] = {
		.id = KEY_AUDIT_FILE,
		.path = "audit.file", .option = "--audit", .argument = "FILE|off",
		.group = GROUP_RECORDS, .type = VALUE_FILE, .tighten = TIGHTEN_FIXED,
		.words = words_off, MEMBER(audit),
		.help = "where the audit log goes",
		.man = "The audit log: a JSON object a line. \"off\" writes none. By default it is "
		       "audit.jsonl in the state folder.",
	},
	[KEY_STATE_DIR] = {
		.id = KEY_STATE_DIR,
		.path = "state.dir", .option = "--state", .argument = "DIR",
		.group = GROUP_RECORDS, .type = VALUE_FILE, .tighten = TIGHTEN_FIXED, MEMBER(state),
		.help = "where mcpcage keeps its own files",
		.man = "The folder in which mcpcage keeps its records, $XDG_STATE_HOME/mcpcage by default. "
		       "No server can see it.",
	},
	[KEY_DESCRIPTION] = {
		.id = KEY_DESCRIPTION,
		.path = "description",
		.group = GROUP_POLICY, .type = VALUE_STRING, .tighten = TIGHTEN_FIXED,
		.help = "what this file is for",
		.man = "What this file is for, in words. It has no effect.",
	},
	[KEY_EXTENDS] = {
		.id = KEY_EXTENDS,
		.path = "extends",
		.group = GROUP_POLICY, .type = VALUE_NAMES, .tighten = TIGHTEN_FIXED,
		.help = "profiles that are read before this file",
		.man = "The name of a profile, or a list of names, that is read before this file. A user's "
		       "file finds profiles in the user's folder, then the administrator's, then the "
		       "shipped ones; an administrator's file finds no profiles of users. A profile that "
		       "was read already is not read again.",
	},
	[KEY_LOCK] = {
		.id = KEY_LOCK,
		.path = "lock",
		.group = GROUP_POLICY, .type = VALUE_KEYS, .tighten = TIGHTEN_MORE,
		.help = "keys that later layers may only tighten",
		.man = "Only in the administrator's files: a list of keys (or of their first parts, such as "
		       "\"limits\") that everything read later, options included, may only tighten. How, is "
		       "said with each key. A later layer that loosens a locked key is an error, not "
		       "ignored.",
	},
	[KEY_PROFILE] = {
		.id = KEY_PROFILE,
		.option = "--profile", .argument = "NAME|FILE",
		.group = GROUP_POLICY, .type = VALUE_STRING,
		.help = "use this profile, not the one for the command",
		.man = "Use the profile NAME, or a profile in FILE (a name with a slash or ending in "
		       ".json), instead of the one that follows from the command: node, python or binary.",
	},
	[KEY_POLICY] = {
		.id = KEY_POLICY,
		.option = "--policy", .argument = "FILE",
		.group = GROUP_POLICY, .type = VALUE_FILE,
		.help = "read this policy file too",
		.man = "Read this policy file after all others, before the options. May be repeated.",
	},
	[KEY_DRY_RUN] = {
		.id = KEY_DRY_RUN,
		.option = "--dry-run",
		.group = GROUP_GENERAL, .type = VALUE_NONE,
		.help = "print the plan, step by step, and start nothing",
		.man = "Print the plan that would be carried out, a line for each step, and start nothing.",
	},
	[KEY_JSON] = {
		.id = KEY_JSON,
		.option = "--json",
		.group = GROUP_GENERAL, .type = VALUE_NONE,
		.help = "commands that print: print JSON",
		.man = "With explain, review, diff, pins, ps, grant, doctor and policy test: print one JSON object instead of words.",
	},
	[KEY_ACCEPT] = {
		.id = KEY_ACCEPT,
		.option = "--accept", .argument = "HASH",
		.group = GROUP_GENERAL, .type = VALUE_STRING,
		.help = "review, diff, pins accept: accept if it is this",
		.man = "With review, diff and pins accept: do not ask, and accept what is shown if HASH is the one that is "
		       "shown with it (at least its first 12 digits), so that nothing is accepted that has not been looked at.",
	},
	[KEY_YES] = {
		.id = KEY_YES,
		.option = "--yes",
		.group = GROUP_GENERAL, .type = VALUE_NONE,
		.help = "review, diff, pins accept: do not ask, accept",
		.man = "With review, diff and pins accept: accept what is shown without asking, whatever it is.",
	},
	[KEY_ALL] = {
		.id = KEY_ALL,
		.option = "--all",
		.group = GROUP_GENERAL, .type = VALUE_NONE,
		.help = "state reset, revoke: everything there is",
		.man = "With state reset: wipe every home that is kept. With revoke: take back all that was granted to the session.",
	},
	[KEY_GRANT_HOST] = {
		.id = KEY_GRANT_HOST,
		.option = "--host", .argument = "NAME[:PORTS]",
		.group = GROUP_GRANTS, .type = VALUE_STRING,
		.help = "grant: let the server reach NAME",
		.man = "With grant: let the server of the running session reach NAME, on port 443 unless it says otherwise.",
	},
	[KEY_GRANT_FOR] = {
		.id = KEY_GRANT_FOR,
		.option = "--for", .argument = "TIME",
		.group = GROUP_GRANTS, .type = VALUE_DURATION,
		.low = 1000, .high = 30 * 24 * 60 * MINUTE_MS, .fallback = "10m",
		.help = "grant: for how long",
		.man = "With grant: for how long. grants.longest is the most that can be given.",
	},
	[KEY_VERBOSE] = {
		.id = KEY_VERBOSE,
		.option = "--verbose", .letter = 'v',
		.group = GROUP_GENERAL, .type = VALUE_NONE,
		.help = "say more on standard error",
		.man = "Say more on standard error: how the command was resolved, which layers are active.",
	},
	[KEY_QUIET] = {
		.id = KEY_QUIET,
		.option = "--quiet", .letter = 'q',
		.group = GROUP_GENERAL, .type = VALUE_NONE,
		.help = "only errors on standard error",
		.man = "Say nothing on standard error but errors. What the server prints there still passes.",
	},
	[KEY_HELP] = {
		.id = KEY_HELP,
		.option = "--help", .letter = 'h',
		.group = GROUP_GENERAL, .type = VALUE_NONE,
		.help = "show this help",
		.man = "Show a summary of the options.",
	},
	[KEY_VERSION] = {
		.id = KEY_VERSION,
		.option = "--version", .letter = 'V',
		.group = GROUP_GENERAL, .type = VALUE_NONE,
		.help = "show the version and what is compiled in",
		.man = "Show the version and what is compiled in.",
	},
};
