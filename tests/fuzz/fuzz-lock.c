/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock record of a package: what is taken has every field, and is written as something that is taken again, and written alike. */
#include "store/package-record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(package_free) struct package package = { 0 }, again = { 0 };
	CLEANUP_BUF struct buf first = BUF_INIT(0);
	CLEANUP_BUF struct buf second = BUF_INIT(0);
	struct error err;

	if (package_record_read((struct span){ (const char *)data, size }, &package, &err) < 0) {
		if (!err.what[0])
			abort();
		return 0;
	}
	if (!package.tool || !package.interpreter || package.request.specs.n == 0 || package.parts_n == 0)
		abort();
	package_record_write(&package, &first);
	if (package_record_read(buf_span(&first), &again, &err) < 0)
		abort();
	package_record_write(&again, &second);
	if (!span_eq(buf_span(&first), buf_span(&second)))
		abort();
	return 0;
}
