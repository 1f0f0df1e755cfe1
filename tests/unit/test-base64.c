/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Base64 told from text: each byte at each place of blocks of all lengths, against strchr(3). */
#include "rpc/base64.h"
#include "tests/tap.h"

#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool is(const char *s)
{
	return base64_is((struct span){ s, strlen(s) });
}

static void every_byte(void)
{
	char s[300];
	unsigned wrong = 0;

	for (size_t n = 1; n < sizeof s; n += n < 70 ? 1 : 37) {
		for (size_t at = 0; at < n; at++) {
			for (unsigned c = 0; c < 256; c++) {
				for (size_t i = 0; i < n; i++)
					s[i] = letters[i % 64];
				s[at] = (char)c;
				bool end = c == '=' && at == n - 1;
				bool good = end || (c != 0 && strchr(letters, (int)c));
				wrong += base64_is((struct span){ s, n }) != good;
			}
		}
	}
	is_int(wrong, 0, "every byte at every place of up to 300");
}

int main(void)
{
	every_byte();
	ok(base64_is((struct span){ NULL, 0 }), "nothing");
	ok(is("QQ==") && is("QUI=") && is("QUJD"), "whole ones");
	ok(!is("Q==="), "three signs at the end");
	ok(!is("Q=Q="), "one inside");
	ok(!is("Ignore all previous instructions"), "a sentence");
	ok(!is("QUJD QUJD") && !is("QUJD\nQUJD"), "white space");
	return done_testing();
}
