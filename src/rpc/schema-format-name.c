/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of hosts: RFC 1123, and internationalised ones by RFC 5890 to 5892, with Punycode (RFC 3492). A name is
 * not brought into a normal form and the rule for mixed directions (RFC 5893) is not applied: this says which
 * text can be a name, not which host it is.
 */
#include "rpc/schema-format.h"

#include "rpc/schema-idna-table.h"

#define LABEL_MAX 63

/* ---- Punycode --------------------------------------------------------------------------------- */

static uint32_t adapt(uint32_t delta, uint32_t n, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / 700 : delta / 2;
	delta += delta / n;
	for (; delta > 455; k += 36)
		delta /= 35;
	return k + 36 * delta / (delta + 38);
}

static uint32_t threshold(uint32_t k, uint32_t bias)
{
	return k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
}

static int punycode_digit(char c)
{
	if (format_digit(c))
		return c - '0' + 26;
	return format_letter(c) ? (c | 0x20) - 'a' : -1;
}

/* What follows "xn--". The number of characters, 0: it is no Punycode. */
static size_t punycode_decode(struct span text, uint32_t *out)
{
	uint32_t code = 128, i = 0, bias = 72;
	size_t n = 0, at = 0;

	for (size_t dash = text.n; dash > 0; dash--) {
		if (text.p[dash - 1] != '-')
			continue;
		for (; n < dash - 1; n++)
			out[n] = (unsigned char)text.p[n];
		at = dash;
		break;
	}
	while (at < text.n) {
		uint32_t old = i, weight = 1;
		for (uint32_t k = 36;; k += 36) {
			int digit = at < text.n ? punycode_digit(text.p[at++]) : -1;
			if (digit < 0 || (uint32_t)digit > (UINT32_MAX / 2 - i) / weight)
				return 0;
			i += (uint32_t)digit * weight;
			uint32_t t = threshold(k, bias);
			if ((uint32_t)digit < t)
				break;
			if (weight > UINT32_MAX / 72)
				return 0;
			weight *= 36 - t;
		}
		bias = adapt(i - old, (uint32_t)n + 1, old == 0);
		code += i / ((uint32_t)n + 1);
		i %= (uint32_t)n + 1;
		if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000) || n == LABEL_MAX)
			return 0;
		memmove(out + i + 1, out + i, (n - i) * sizeof *out);
		out[i++] = code;
		n++;
	}
	return n;
}

/* How long the label is as an A-label, with its "xn--". */
static size_t punycode_length(const uint32_t *label, size_t n)
{
	uint32_t code = 128, delta = 0, bias = 72;
	size_t length = 4, done = 0;

	for (size_t i = 0; i < n; i++)
		done += label[i] < 128;
	const size_t basic = done;
	length += basic + (basic > 0);
	while (done < n && length <= LABEL_MAX) {
		uint32_t next = UINT32_MAX;
		for (size_t i = 0; i < n; i++)
			if (label[i] >= code && label[i] < next)
				next = label[i];
		delta += (next - code) * ((uint32_t)done + 1);
		code = next;
		for (size_t i = 0; i < n; i++) {
			delta += label[i] < code;
			if (label[i] != code)
				continue;
			uint32_t rest = delta;
			for (uint32_t k = 36;; k += 36) {
				uint32_t t = threshold(k, bias);
				length++;
				if (rest < t)
					break;
				rest = (rest - t) / (36 - t);
			}
			bias = adapt(delta, (uint32_t)done + 1, done == basic);
			delta = 0;
			done++;
		}
		delta++;
		code++;
	}
	return length;
}

/* ---- characters ------------------------------------------------------------------------------- */

/* What is known of C; -1: it is not PVALID. */
static int known(uint32_t c)
{
	size_t low = 0, high = ARRAY_SIZE(idna_runs);

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (idna_runs[middle].first <= c)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return -1;
	const struct idna_run *run = &idna_runs[low - 1];
	uint32_t away = c - run->first;
	return away % run->step == 0 && away / run->step < run->n ? run->is : -1;
}

static bool is(const uint32_t *label, size_t n, size_t at, int what)
{
	return at < n && known(label[at]) >= 0 && (known(label[at]) & what);
}

static bool is_script(const uint32_t *label, size_t n, size_t at, int script)
{
	return at < n && known(label[at]) >= 0 && (known(label[at]) & IDNA_SCRIPT) == script;
}

static bool has_between(const uint32_t *label, size_t n, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < n; i++)
		if (label[i] >= from && label[i] <= to)
			return true;
	return false;
}

/* A joiner that breaks a cursive connection: (L|D) T* here T* (R|D). */
static bool between_joining(const uint32_t *label, size_t n, size_t at)
{
	size_t left = at, right = at + 1;

	while (left > 0 && is(label, n, left - 1, IDNA_TRANSPARENT))
		left--;
	while (right < n && is(label, n, right, IDNA_TRANSPARENT))
		right++;
	return left > 0 && is(label, n, left - 1, IDNA_LEFT) && is(label, n, right, IDNA_RIGHT);
}

/* RFC 5892, appendix A. */
static bool fits(const uint32_t *label, size_t n, size_t at)
{
	uint32_t c = label[at];

	switch (c) {
	case 0x200c:
		return (at > 0 && is(label, n, at - 1, IDNA_VIRAMA)) || between_joining(label, n, at);
	case 0x200d:
		return at > 0 && is(label, n, at - 1, IDNA_VIRAMA);
	case 0xb7:
		return at > 0 && at + 1 < n && label[at - 1] == 'l' && label[at + 1] == 'l';
	case 0x375:
		return is_script(label, n, at + 1, IDNA_GREEK);
	case 0x5f3:
	case 0x5f4:
		return at > 0 && is_script(label, n, at - 1, IDNA_HEBREW);
	case 0x30fb:
		for (size_t i = 0; i < n; i++)
			if (is_script(label, n, i, IDNA_EAST))
				return true;
		return false;
	case 0x660 ... 0x669:
		return !has_between(label, n, 0x6f0, 0x6f9);
	case 0x6f0 ... 0x6f9:
		return !has_between(label, n, 0x660, 0x669);
	default:
		return known(c) >= 0;
	}
}

/* ---- labels ----------------------------------------------------------------------------------- */

/* RFC 5891, 4.2.3. */
static bool u_label(const uint32_t *label, size_t n)
{
	if (n == 0 || label[0] == '-' || label[n - 1] == '-' || is(label, n, 0, IDNA_MARK))
		return false;
	if (n > 3 && label[2] == '-' && label[3] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!fits(label, n, i))
			return false;
	return punycode_length(label, n) <= LABEL_MAX;
}

static bool ascii_label(struct span text, bool wide)
{
	if (text.n == 0 || text.n > LABEL_MAX || text.p[0] == '-' || text.p[text.n - 1] == '-')
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (!format_letter(text.p[i]) && !format_digit(text.p[i]) && text.p[i] != '-')
			return false;
	if (text.n < 4 || text.p[2] != '-' || text.p[3] != '-')
		return true;
	/* Two dashes there are kept for encodings, of which there is one; but hosts with others exist. */
	uint32_t label[LABEL_MAX + 1] = { 0 };
	if ((text.p[0] | 0x20) != 'x' || (text.p[1] | 0x20) != 'n')
		return !wide;
	size_t n = punycode_decode((struct span){ text.p + 4, text.n - 4 }, label);
	for (size_t i = 0; i < n; i++)
		if (label[i] >= 'A' && label[i] <= 'Z')
			label[i] += 32;
	return n > 0 && has_between(label, n, 128, UINT32_MAX) && u_label(label, n);
}

bool format_hostname(struct span text)
{
	size_t start = 0;

	if (text.n == 0 || text.n > 253)
		return false;
	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && text.p[i] != '.')
			continue;
		if (!ascii_label((struct span){ text.p + start, i - start }, false))
			return false;
		start = i + 1;
	}
	return true;
}

bool format_idn_hostname(struct span text)
{
	uint32_t label[LABEL_MAX + 1] = { 0 };
	size_t n = 0, start = 0, length = 0;
	bool wide = false;

	for (size_t at = 0; at <= text.n;) {
		size_t before = at;
		uint32_t c = at < text.n ? format_character(text, &at) : '.';
		at += before == text.n;
		if (c != '.' && c != 0x3002 && c != 0xff0e && c != 0xff61) {
			if (c == UINT32_MAX || n == LABEL_MAX)
				return false;
			wide |= c >= 128;
			label[n++] = c;
			continue;
		}
		if (!(wide ? u_label(label, n) : ascii_label((struct span){ text.p + start, before - start }, true)))
			return false;
		length += (wide ? punycode_length(label, n) : n) + 1;
		start = at;
		n = 0;
		wide = false;
	}
	return length <= 254;
}
