/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/show.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char hidden_value[] = "[hidden]";

/* The well-formed UTF-8 sequence at S, or 0; *CODE gets what it stands for. */
static size_t sequence(const unsigned char *s, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80                 ? 1 :
		   (s[0] & 0xe0) == 0xc0 ? 2 :
		   (s[0] & 0xf0) == 0xe0 ? 3 :
		   (s[0] & 0xf8) == 0xf0 ? 4 :
					   0;

	if (n == 0)
		return 0;
	*code = n == 1 ? s[0] : s[0] & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	if (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return n;
}

/* Controls, zero-width and direction characters, line separators, tags, variation selectors, private use. */
static bool is_invisible(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1f },     { 0x7f, 0xa0 },     { 0xad, 0xad },       { 0x34f, 0x34f },     { 0x61c, 0x61c },
		{ 0x115f, 0x1160 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f },   { 0x2000, 0x200f },   { 0x2028, 0x202f },
		{ 0x205f, 0x206f }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 },   { 0xe000, 0xf8ff },   { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },   { 0xe0000, 0x10ffff },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

void show_text(struct buf *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		uint32_t code = 0;
		size_t n = sequence(s, &code);
		if (n > 0 && !is_invisible(code)) {
			buf_append(out, s, n);
			s += n;
			continue;
		}
		for (n = n ? n : 1; n > 0; n--)
			buf_printf(out, "\\x%02x", *s++);
	}
}

void show_word(struct buf *out, const char *text)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";

	if (text[0] && text[strspn(text, safe)] == '\0') {
		buf_puts(out, text);
		return;
	}
	buf_putc(out, '\'');
	for (const char *at = text; *at;) {
		char part[256];
		size_t n = strcspn(at, "'");
		if (n == 0) {
			buf_puts(out, "'\\''");
			at++;
			continue;
		}
		/* Cut where no character is split. */
		if (n > sizeof part - 1)
			for (n = sizeof part - 1; n > 1 && ((unsigned char)at[n] & 0xc0) == 0x80; n--)
				;
		memcpy(part, at, n);
		part[n] = '\0';
		show_text(out, part);
		at += n;
	}
	buf_putc(out, '\'');
}

/* Whether the option's name, N bytes, says that its value is a secret. */
static bool says_secret(const char *name, size_t n)
{
	static const char *const words[] = {
		"token", "secret", "passw", "passphrase", "credential", "apikey", "api-key", "api_key", "access-key",
		"access_key", "private-key", "private_key", "auth", "bearer", "cookie", "dsn",
	};

	for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
		size_t length = strlen(words[w]);
		for (size_t i = 0; i + length <= n; i++)
			if (strncasecmp(name + i, words[w], length) == 0)
				return true;
	}
	return false;
}

/* "scheme://user:password@host": the password. */
static char *without_password(const char *text)
{
	const char *scheme = strstr(text, "://");
	const char *at = scheme ? strpbrk(scheme + 3, "@/?#") : NULL;
	const char *colon = at && *at == '@' ? memchr(scheme + 3, ':', (size_t)(at - scheme - 3)) : NULL;
	char *out = NULL;

	if (!colon)
		return strdup(text);
	if (asprintf(&out, "%.*s%s%s", (int)(colon + 1 - text), text, hidden_value, at) < 0)
		return NULL;
	return out;
}

char *show_argument(const struct strlist *argv, size_t i)
{
	const char *arg = argv->v[i];
	const char *before = i > 0 ? argv->v[i - 1] : "";
	const char *equals = strchr(arg, '=');
	char *out = NULL;

	/* --token=VALUE, API_KEY=VALUE */
	if (equals && equals[1] && says_secret(arg, (size_t)(equals - arg))) {
		if (asprintf(&out, "%.*s=%s", (int)(equals - arg), arg, hidden_value) < 0)
			return NULL;
		return out;
	}
	/* --token VALUE */
	if (before[0] == '-' && !strchr(before, '=') && arg[0] != '-' && says_secret(before, strlen(before)))
		return strdup(hidden_value);
	return without_password(arg);
}
