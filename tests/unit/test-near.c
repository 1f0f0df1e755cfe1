/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which names are given for one that is not there. */
#include "rpc/near.h"

#include "tests/tap.h"

#include <string.h>

static void nothing(void *context, enum finding finding, enum item_kind kind, struct span name, const struct item *item)
{
	(void)context, (void)finding, (void)kind, (void)name, (void)item;
}

static struct manifest *of(const char *const *names)
{
	struct manifest *m = manifest_new(PINS_OFF, nothing, NULL);
	CLEANUP_BUF struct buf text = BUF_INIT(0);
	struct tree t = { 0 };

	buf_puts(&text, "{\"tools\":[");
	for (size_t i = 0; names[i]; i++)
		buf_printf(&text, "%s{\"name\":\"%s\",\"inputSchema\":{\"type\":\"object\"}}", i ? "," : "", names[i]);
	buf_puts(&text, "]}");
	if (!m || tree_parse(&t, buf_span(&text), 0) != TREE_OK || manifest_list(m, ITEM_TOOL, &t, 0, 0, NULL) < 0)
		bail_out("no manifest");
	tree_free(&t);
	return m;
}

static void given(const struct manifest *m, const char *name, const char *wanted)
{
	CLEANUP_BUF struct buf out = BUF_INIT(0);

	near_names(m, ITEM_TOOL, span_of(name), &out);
	is_span(buf_span(&out), wanted, "near %s", name);
}

int main(void)
{
	static const char *const names[] = {
		"read_file", "read_text_file", "write_file", "list_directory", "move_file", "delete", "bad name\\n", "git.status", "a", NULL,
	};
	struct manifest *m = of(names);

	given(m, "read_fil", "\"read_file\"");
	given(m, "ReadFile", "\"read_file\"");
	given(m, "READ-FILE", "\"read_file\"");
	given(m, "file", "\"read_file\", \"move_file\", \"write_file\"");
	given(m, "git_status", "\"git.status\"");
	given(m, "directory", "\"list_directory\"");
	given(m, "completely_different", "");
	given(m, "delete_everything", "\"delete\"");
	given(m, "bad name\n", "");
	given(m, "", "");
	given(m, "\"quoted\"", "");
	char longest[300];
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	given(m, longest, "");
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	is_int(near_names(m, ITEM_PROMPT, SPAN("read_file"), &out), 0, "another kind has none");
	manifest_free(m);
	return done_testing();
}
