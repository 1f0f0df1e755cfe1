/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Elicitation: which forms a server may show a person, and which URLs it may send them to. A form is flat and of
 * primitive fields, as the specification says; a field that asks for a secret is refused, because the specification
 * forbids servers to ask for one in a form, and a person types what a dialog of the trusted client asks for. See
 * reverse.h.
 */
#include "rpc/reverse.h"

#include "rpc/unicode.h"

#include <stdio.h>
#include <string.h>

enum { CODE_DISALLOWED = -32601, CODE_INVALID = -32602 };
enum { FIELDS_MAX = 64, URL_MAX = 2048 };

/* ---- secrets ----------------------------------------------------------------------------------- */

/*
 * Phrases in folded words, see fold(): a field is about one when they come in this order, word by word. '*' at the
 * end of a word: any ending.
 */
static const char *const secrets[] = {
	"password*", "passwd", "passphrase*", "passcode*", "pwd", "pass word", "pass phrase", "secret", "secrets",
	"token", "api key*", "apikey*", "access key*", "private key*", "secret key*", "signing key*",
	"encryption key*", "ssh key*", "license key", "auth key", "credential*", "bearer", "jwt", "pin",
	"pin code", "pincode", "otp", "totp", "mfa", "2fa", "2 fa", "two factor", "one time code",
	"verification code", "security code", "auth code", "authorization code", "login code", "sms code",
	"backup code*", "recovery code*", "recovery phrase", "recovery key", "seed phrase", "seed words",
	"mnemonic", "wallet key", "cvv", "cvc", "cvv2", "card number", "cardnumber", "card no", "credit card*",
	"creditcard*", "debit card*", "card expiry", "iban", "account number", "routing number", "sort code",
	"ssn", "social security*", "passport number", "national id", "national insurance number", "tax id",
	"driver license number", "mother s maiden name", "mothers maiden name", "session cookie", "session id",
	"sessionid", "authorization header",
	/* the commonest words of other languages */
	"passwort", "kennwort", "mot de passe", "motdepasse", "contrasena", "clave secreta", "senha",
	"parola d ordine", "palavra passe", "wachtwoord", "haslo", "heslo", "jelszo", "lozinka", "losenord", "passord", "kodeord",
	"adgangskode", "salasana", "sifre", "sifresi", "kata sandi", "contrasenya", "pw",
};

/* Those of other scripts, in small letters and without spaces: looked for anywhere. */
static const char *const secrets_elsewhere[] = {
	"\320\277\320\260\321\200\320\276\320\273", /* Russian, Ukrainian, Bulgarian: parol... */
	"\320\273\320\276\320\267\320\270\320\275\320\272", /* Serbian, Macedonian: lozink... */
	"\320\277\320\270\320\275\320\272\320\276\320\264", "\320\277\321\226\320\275\320\272\320\276\320\264", /* pinkod */
	"\317\203\317\205\316\275\316\270\316\267\316\274\316\261\317\204\316\271\316\272", /* Greek: synthimatik... */
	"\317\200\317\201\317\214\317\203\316\262\316\261\317\203\316\267\317\202", /* (a code) of access */
	"\345\257\206\347\240\201", "\345\257\206\347\242\274", "\345\217\243\344\273\244", /* Chinese: password */
	"\351\252\214\350\257\201\347\240\201", "\351\251\227\350\255\211\347\242\274", /* code sent to you */
	"\345\257\206\351\222\245", "\345\257\206\351\221\260", "\347\247\201\351\222\245", "\345\212\251\350\256\260\350\257\215", /* keys, seed words */
	"\343\203\221\343\202\271\343\203\257\343\203\274\343\203\211", "\346\232\227\350\250\274\347\225\252\345\217\267", /* Japanese: password, PIN */
	"\350\252\215\350\250\274\343\202\263\343\203\274\343\203\211", "\347\247\230\345\257\206\351\215\265", /* code, private key */
	"\353\271\204\353\260\200\353\262\210\355\230\270", "\354\225\224\355\230\270", "\354\235\270\354\246\235\353\262\210\355\230\270", /* Korean */
	"\331\203\331\204\331\205\330\251\330\247\331\204\331\205\330\261\331\210\330\261", /* Arabic: word of passing */
	"\331\203\331\204\331\205\330\251\330\247\331\204\330\263\330\261", /* word of the secret */
	"\327\241\327\231\327\241\327\236", /* Hebrew */
	"\340\244\252\340\244\276\340\244\270\340\244\265\340\244\260\340\245\215\340\244\241", /* Hindi */
	"\340\270\243\340\270\253\340\270\261\340\270\252\340\270\234\340\271\210\340\270\262\340\270\231", /* Thai */
	"m\341\272\255tkh\341\272\251u", /* Vietnamese */
};

static bool is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* U+00C0 to U+017F without their marks, the full-width forms, and Greek and Cyrillic letters that look Latin; 0: none of these. */
static char plain_letter(uint32_t c)
{
	static const char latin[] =
		"aaaaaaaceeeeiiiidnooooo*ouuuuyts"
		"aaaaaaaceeeeiiiidnooooo/ouuuuyty"
		"aaaaaaccccccccddddeeeeeeeeeegggggggg"
		"hhhhiiiiiiiiiiiijjkkklllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
	static const struct {
		uint16_t from;
		char to;
	} alike[] = {
		{ 0x3b1, 'a' }, { 0x3b5, 'e' }, { 0x3b9, 'i' }, { 0x3ba, 'k' }, { 0x3bd, 'v' }, { 0x3bf, 'o' },
		{ 0x3c1, 'p' }, { 0x3c4, 't' }, { 0x3c5, 'u' }, { 0x430, 'a' }, { 0x435, 'e' }, { 0x43e, 'o' },
		{ 0x440, 'p' }, { 0x441, 'c' }, { 0x443, 'y' }, { 0x445, 'x' }, { 0x455, 's' }, { 0x456, 'i' },
		{ 0x458, 'j' }, { 0x501, 'd' }, { 0x51d, 'w' }, { 0x43a, 'k' }, { 0x442, 't' }, { 0x43c, 'm' },
		{ 0x43d, 'h' }, { 0x432, 'b' },
	};

	if (c >= 0xc0 && c - 0xc0 < sizeof latin - 1)
		return latin[c - 0xc0];
	if (c >= 0xff21 && c <= 0xff3a)
		return (char)('a' + (c - 0xff21));
	if (c >= 0xff41 && c <= 0xff5a)
		return (char)('a' + (c - 0xff41));
	if (c >= 0xff10 && c <= 0xff19)
		return (char)('0' + (c - 0xff10));
	if ((c >= 0x410 && c <= 0x42f) || (c >= 0x391 && c <= 0x3a9))
		c += 0x20;
	else if (c >= 0x405 && c <= 0x408)
		c += 0x50;
	for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
		if (alike[i].from == c)
			return alike[i].to;
	return 0;
}

static uint32_t next_char(const uint8_t **p, const uint8_t *end)
{
	const uint8_t *s = *p;
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (n > (size_t)(end - s))
		n = (size_t)(end - s);
	uint32_t c = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3fu);
	*p += n;
	return c;
}

/* What is between letters without parting words: soft hyphen, zero-width characters, combining marks, tags. */
static bool is_ignored(uint32_t c)
{
	return c == 0xad || (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfe00 && c <= 0xfe0f) || c >= 0xe0000;
}

static char plain_ascii(uint8_t c)
{
	if (is_upper(c))
		return (char)(c + 0x20);
	return is_lower(c) || is_digit(c) ? (char)c : ' ';
}

/*
 * Into lower-case words of letters and digits with one space before and after each: "userPassword" and
 * "User_password:" become " user password ". Returns the length.
 */
static size_t fold(struct span text, char *out, size_t size)
{
	const uint8_t *p = (const uint8_t *)text.p, *end = p + text.n;
	uint8_t before = 0;
	size_t n = 0;

	out[n++] = ' ';
	while (p < end && n + 3 < size) {
		uint32_t c = next_char(&p, end);
		char plain;
		if (c < 0x80)
			plain = plain_ascii((uint8_t)c);
		else if (is_ignored(c))
			continue;
		else
			plain = plain_letter(c) ? plain_letter(c) : ' ';
		/* aB, and Bc after capitals: a new word */
		bool next_lower = p < end && is_lower(*p);
		if (is_upper((uint8_t)(c & 0x7f)) && c < 0x80 &&
		    (is_lower(before) || is_digit(before) || (is_upper(before) && next_lower)))
			out[n++] = ' ';
		if (plain != ' ' || out[n - 1] != ' ')
			out[n++] = plain;
		if (out[n - 1] == ' ' && n >= 2 && out[n - 2] == ' ')
			n--;
		before = c < 0x80 ? (uint8_t)c : 'a';
	}
	if (out[n - 1] != ' ')
		out[n++] = ' ';
	out[n] = '\0';
	return n;
}

static bool has_phrase(const char *folded, const char *phrase)
{
	size_t n = strlen(phrase);
	bool open = phrase[n - 1] == '*';

	if (open)
		n--;
	for (const char *at = folded; (at = strchr(at, ' ')) != NULL; at++)
		if (strncmp(at + 1, phrase, n) == 0 && (open || at[1 + n] == ' '))
			return true;
	return false;
}

/* "p a s s w o r d": words of one letter each, three or more in a row, become one. In place. */
static void join_letters(char *folded)
{
	char *to = folded;

	for (const char *at = folded; *at;) {
		size_t run = 0;
		while (at[2 * run] == ' ' && at[2 * run + 1] && at[2 * run + 1] != ' ' && at[2 * run + 2] == ' ')
			run++;
		if (run < 3) {
			*to++ = *at++;
			continue;
		}
		*to++ = ' ';
		for (size_t i = 0; i < run; i++)
			*to++ = at[2 * i + 1];
		at += 2 * run;
	}
	*to = '\0';
}

/* In small letters as far as secrets_elsewhere needs it, and without what parts letters or words. At most a byte longer than TEXT. */
static void squeeze(struct span text, char *out)
{
	const uint8_t *p = (const uint8_t *)text.p, *end = p + text.n;
	size_t n = 0;

	while (p < end) {
		uint32_t c = next_char(&p, end);
		if (is_ignored(c) || (c < 0x80 && plain_ascii((uint8_t)c) == ' ') || c == 0xa0 || (c >= 0x2000 && c <= 0x2060) || c == 0x3000)
			continue;
		if (c < 0x80)
			c = (uint8_t)plain_ascii((uint8_t)c);
		else if ((c >= 0x410 && c <= 0x42f) || (c >= 0x391 && c <= 0x3a9))
			c += 0x20;
		else if (c >= 0x400 && c <= 0x40f)
			c += 0x50;
		n += unicode_encode(out + n, c);
	}
	out[n] = '\0';
}

static bool is_secret_elsewhere(struct span text)
{
	char squeezed[512];

	squeeze(text, squeezed);
	for (size_t i = 0; i < sizeof secrets_elsewhere / sizeof *secrets_elsewhere; i++)
		if (strstr(squeezed, secrets_elsewhere[i]))
			return true;
	return false;
}

static bool is_secret(const char *folded)
{
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		if (has_phrase(folded, secrets[i]))
			return true;
	return false;
}

bool reverse_secret(struct span text)
{
	char folded[1024];

	/* In pieces that overlap, so that no length hides a word. */
	for (size_t at = 0; at < text.n || at == 0; at += 400) {
		size_t n = text.n - at < 500 ? text.n - at : 500;
		struct span piece = { text.p + at, n };
		fold(piece, folded, sizeof folded);
		if (is_secret(folded) || is_secret_elsewhere(piece))
			return true;
		join_letters(folded);
		if (is_secret(folded))
			return true;
		if (n < 500)
			break;
	}
	return false;
}

/* ---- forms ------------------------------------------------------------------------------------- */

static enum reverse_fate refuse_form(struct reverse *r, const char *detail, const char *words)
{
	r->code = CODE_INVALID;
	snprintf(r->detail, sizeof r->detail, "%s", detail);
	snprintf(r->words, sizeof r->words, "mcpcage refused to show this form: %s", words);
	return REVERSE_REFUSED;
}

static bool text_is_secret(const struct tree *t, uint32_t i)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT((size_t)1 << 24);

	return tree_is(t, i, TREE_STRING) && reverse_secret(tree_string_span(t, i, &scratch));
}

static bool is_one_of(const struct tree *t, uint32_t key, const char *const *names)
{
	for (; *names; names++)
		if (tree_string_is(t, key, *names))
			return true;
	return false;
}

/* Arrays of strings, and arrays of { "const": string, "title": string }. */
static bool choices_are_plain(const struct tree *t, uint32_t i)
{
	if (!tree_is(t, i, TREE_ARRAY))
		return false;
	for (uint32_t c = tree_first(t, i); c < t->v[i].next; c = t->v[c].next) {
		if (tree_is(t, c, TREE_OBJECT) && tree_is(t, tree_member(t, c, "const"), TREE_STRING)) {
			for (uint32_t k = tree_first(t, c); k < t->v[c].next; k = t->v[k + 1].next)
				if (t->v[k + 1].type >= TREE_ARRAY)
					return false;
			continue;
		}
		if (t->v[c].type >= TREE_ARRAY)
			return false;
	}
	return true;
}

/* "enum", "oneOf" or "anyOf": the person can choose, not type. */
static bool has_choices(const struct tree *t, uint32_t field)
{
	return tree_member(t, field, "enum") != TREE_NONE || tree_member(t, field, "oneOf") != TREE_NONE ||
	       tree_member(t, field, "anyOf") != TREE_NONE;
}

/* What a field may have that is no scalar. */
static bool member_is_flat(const struct tree *t, uint32_t field, uint32_t key)
{
	static const char *const choices[] = { "enum", "enumNames", "oneOf", "anyOf", "examples", "default", NULL };
	uint32_t value = key + 1;

	if (tree_string_is(t, key, "$ref") || tree_string_is(t, key, "$dynamicRef"))
		return false;
	if (t->v[value].type < TREE_ARRAY)
		return true;
	if (is_one_of(t, key, choices))
		return choices_are_plain(t, value);
	/* a choice of several: its items have choices again, and nothing else that is no scalar */
	if (!tree_string_is(t, key, "items") || !tree_string_is(t, tree_member(t, field, "type"), "array") ||
	    !tree_is(t, value, TREE_OBJECT) || !has_choices(t, value))
		return false;
	for (uint32_t k = tree_first(t, value); k < t->v[value].next; k = t->v[k + 1].next)
		if (tree_string_is(t, k, "items") || !member_is_flat(t, value, k))
			return false;
	return true;
}

/* A number from 0 to 100: too small for any code or number that is a secret. */
static bool is_small(const struct tree *t, uint32_t field)
{
	uint64_t low, high;

	return tree_whole(t, tree_member(t, field, "minimum"), 100, &low) &&
	       tree_whole(t, tree_member(t, field, "maximum"), 100, &high);
}

static const char *field_fault(const struct tree *t, uint32_t field, bool *open)
{
	static const char *const types[] = { "string", "number", "integer", "boolean", "array", NULL };
	uint32_t type = tree_member(t, field, "type");

	if (!tree_is(t, field, TREE_OBJECT))
		return "a field is no object";
	if (!has_choices(t, field) && (type == TREE_NONE || !is_one_of(t, type, types)))
		return "a field is not of a primitive type";
	if (tree_string_is(t, type, "array") && !tree_is(t, tree_member(t, field, "items"), TREE_OBJECT))
		return "a list has no choices";
	for (uint32_t k = tree_first(t, field); k < t->v[field].next; k = t->v[k + 1].next)
		if (!member_is_flat(t, field, k))
			return "a field is nested";
	*open = !has_choices(t, field) && !tree_string_is(t, type, "boolean") && !tree_string_is(t, type, "array") &&
		!(tree_string_is(t, type, "integer") && is_small(t, field));
	return NULL;
}

static bool field_is_secret(const struct tree *t, uint32_t key)
{
	static const char *const said[] = { "title", "description", "format", "pattern", "default", "writeOnly" };

	if (text_is_secret(t, key))
		return true;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++)
		if (text_is_secret(t, tree_member(t, key + 1, said[i])))
			return true;
	return false;
}

/* *OPEN: how many fields a person types into. */
static const char *schema_fault(const struct tree *t, uint32_t schema, uint32_t properties, size_t *open, bool *secret)
{
	static const char *const known[] = { "$schema", "type", "properties", "required", "title", "description",
					     "additionalProperties", "default", NULL };
	size_t n = 0;

	for (uint32_t k = tree_first(t, schema); k < t->v[schema].next; k = t->v[k + 1].next) {
		if (!is_one_of(t, k, known))
			return "its schema has more than type, properties and required";
		if (tree_string_is(t, k, "additionalProperties") && t->v[k + 1].type >= TREE_NUMBER)
			return "its schema has fields without names";
	}
	for (uint32_t k = tree_first(t, properties); k < t->v[properties].next; k = t->v[k + 1].next) {
		bool types = false;
		const char *fault = field_fault(t, k + 1, &types);
		if (fault)
			return fault;
		if (++n > FIELDS_MAX)
			return "it has too many fields";
		*open += types;
		if (types && field_is_secret(t, k)) {
			*secret = true;
			return "a field asks for a password, key, code, number of a card or the like; the "
			       "specification forbids "
			       "servers to ask for secrets in a form";
		}
	}
	return NULL;
}

enum reverse_fate reverse_elicit_form(struct reverse *r, struct tree *t, uint32_t params, size_t offset,
				      struct edits *e)
{
	uint32_t message = tree_member(t, params, "message"), schema = tree_member(t, params, "requestedSchema");
	uint32_t properties = tree_member(t, schema, "properties");
	bool denied = r->policy->elicitation == REVERSE_DENY, secret = false;
	size_t open = 0;

	(void)offset;
	(void)e;
	if (denied || !(r->caps & CAP_ELICIT_FORM)) {
		r->code = CODE_DISALLOWED;
		snprintf(r->words, sizeof r->words, denied ? "mcpcage: the user's policy does not allow elicitation" :
							     "mcpcage: the client does not offer elicitation");
		snprintf(r->detail, sizeof r->detail,
			 denied ? "the policy does not allow it"
				: "the client has not declared it, or policy took it away");
		return REVERSE_REFUSED;
	}
	if (!tree_is(t, message, TREE_STRING) || !tree_is(t, schema, TREE_OBJECT) ||
	    !tree_is(t, properties, TREE_OBJECT) || !tree_string_is(t, tree_member(t, schema, "type"), "object"))
		return refuse_form(r, "no message or requestedSchema",
				   "it needs a message and a requestedSchema of type object with properties");
	const char *fault = schema_fault(t, schema, properties, &open, &secret);
	if (fault)
		return refuse_form(r, secret ? "a field asks for a secret" : fault, fault);
	if (open > 0 && (text_is_secret(t, message) || text_is_secret(t, tree_member(t, schema, "title")) ||
			 text_is_secret(t, tree_member(t, schema, "description"))))
		return refuse_form(r, "the message asks for a secret",
				   "its message speaks of a password, key, code, number of a card or the like, and "
				   "it has a field to type "
				   "into");
	return REVERSE_PASSES;
}

/* ---- URLs -------------------------------------------------------------------------------------- */

static bool url_fault(const char **why, const char *what)
{
	if (why)
		*why = what;
	return false;
}

bool reverse_url(struct span url, const char **why)
{
	static const char scheme[] = "https://";
	size_t host = sizeof scheme - 1, end;

	if (url.n > URL_MAX)
		return url_fault(why, "it is too long to be shown");
	for (size_t i = 0; i < url.n; i++) {
		uint8_t c = (uint8_t)url.p[i];
		if (c <= 0x20 || c >= 0x7f || strchr("\\\"<>^`{|}", c))
			return url_fault(why, "it has characters that a URL has only as escapes");
	}
	if (url.n <= host || strncmp(url.p, scheme, host) != 0)
		return url_fault(why, "only https:// may be opened");
	for (end = host; end < url.n && !strchr("/?#", url.p[end]); end++)
		if (url.p[end] == '@')
			return url_fault(why, "it has a user's name before the host");
	if (end == host || url.p[host] == '.' || url.p[host] == ':' || url.p[host] == '-')
		return url_fault(why, "it has no host");
	for (size_t i = host; i < end; i++)
		if (!is_lower((uint8_t)url.p[i]) && !is_upper((uint8_t)url.p[i]) && !is_digit((uint8_t)url.p[i]) &&
		    !strchr(".-:[]", url.p[i]))
			return url_fault(why, "its host has characters that no host's name has");
	return true;
}
