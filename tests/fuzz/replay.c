/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The main program of a fuzz target that is not linked with libFuzzer: `make check` runs the target's corpus through it, each
 * file whole and cut short at every place. With arguments, those files only, whole: to look at what a fuzzer has found.
 */
#include "tests/tap.h"

#include <dirent.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20, CUTS_MAX = 512 };

static size_t read_input(const char *path, uint8_t *to)
{
	FILE *file = fopen(path, "re");

	if (!file)
		bail_out("%s: %s", path, strerror(errno));
	size_t n = fread(to, 1, INPUT_MAX, file);
	fclose(file);
	return n;
}

/* In a copy of its own size, so that a sanitizer sees what is read behind it. */
static void run(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		bail_out("out of memory");
	if (n)
		memcpy(copy, data, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void replay(const char *path, const char *name, bool cut)
{
	static uint8_t data[INPUT_MAX];
	size_t n = read_input(path, data);

	run(data, n);
	for (size_t i = 0; cut && i < n; i += 1 + n / CUTS_MAX)
		run(data, i);
	pass("%s", name);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	const char *self = strrchr(argv[0], '-'), *top = getenv("top_srcdir");
	struct dirent **found;
	char folder[4096], path[8192];

	for (int i = 1; i < argc; i++)
		replay(argv[i], argv[i], false);
	if (argc > 1)
		return done_testing();

	/* tests/fuzz/fuzz-NAME runs tests/fuzz/corpus/NAME. */
	snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", top ? top : ".", self ? self + 1 : argv[0]);
	int n = scandir(folder, &found, visible, alphasort);
	if (n < 0)
		bail_out("%s: %s", folder, strerror(errno));
	ok(n > 0, "there are inputs in the corpus");
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, found[i]->d_name);
		replay(path, found[i]->d_name, true);
		free(found[i]);
	}
	free(found);
	return done_testing();
}
