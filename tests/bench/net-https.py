# SPDX-License-Identifier: LGPL-2.1-or-later
"""What net-peer.c cannot do: net-https.py WHO HOST NAME CA CONTROL.

It connects to HOST's port CONTROL, says WHO, and answers each line "https N" with the median nanoseconds of N requests for 8 KiB
over one connection of TLS to NAME, by Python's own client.
"""

import http.client
import socket
import ssl
import statistics
import sys
import time

who, host, name, ca, control = sys.argv[1:]
line = socket.create_connection((host, int(control))).makefile("rw")
print(who, file=line, flush=True)
for order in line:
	connection = http.client.HTTPSConnection(name)
	connection.sock = ssl.create_default_context(cafile=ca).wrap_socket(socket.create_connection((host, 443)), server_hostname=name)
	samples = []
	for _ in range(int(order.split()[1])):
		start = time.perf_counter_ns()
		connection.request("GET", "/bytes/8192")
		if len(connection.getresponse().read()) != 8192:
			sys.exit("too short")
		samples.append(time.perf_counter_ns() - start)
	connection.close()
	print(int(statistics.median(samples)), file=line, flush=True)
