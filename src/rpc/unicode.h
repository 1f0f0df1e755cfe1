/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What both cleaners of text know about characters: rpc/text.h for lines that go to a person's terminal,
 * rpc/clean.h for strings inside messages. Unicode 15. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Characters that cannot be seen, or change what is seen around them: general categories Cc but tab, Cf, Zl, Zp, and
 * Default_Ignorable_Code_Point.
 */
bool unicode_hidden(uint32_t code);

/* The length of the well-formed sequence at P, at least one byte (Unicode 15, table 3-7), or 0. */
size_t unicode_decode(const uint8_t *p, size_t n, uint32_t *code);

/* CODE in UTF-8: its length. */
size_t unicode_encode(char to[4], uint32_t code);
