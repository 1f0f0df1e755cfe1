/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session/fetch-impl.h"

int fetch_python(struct fetching *f, struct error *err)
{
	(void)f;
	return error_set(err, 0, "PyPI is not there yet");
}
