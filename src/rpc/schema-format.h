/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Formats: what the files that know them share. For rpc/schema-format*.c alone. */
#pragma once

#include "rpc/schema-impl.h"

static inline bool format_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool format_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool format_hex(char c)
{
	return format_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool format_ipv4(struct span text);
bool format_ipv6(struct span text);
bool format_hostname(struct span text);
bool format_idn_hostname(struct span text);
bool format_email(struct span text);
bool format_idn_email(struct span text);
bool format_uri(struct span text);
bool format_uri_reference(struct span text);
bool format_iri(struct span text);
bool format_iri_reference(struct span text);
bool format_uri_template(struct span text);

/* The character at *AT of UTF-8 text, which moves on. UINT32_MAX: it is none. */
uint32_t format_character(struct span text, size_t *at);
