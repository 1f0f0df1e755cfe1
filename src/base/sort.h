/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sorting without asking the system: qsort(3) may allocate, and asks for the machine's memory first (sysinfo(2)
 * in glibc up to 2.36), which kills a process whose list of system calls does not have it. Everything that runs
 * in the filter sorts with this.
 */
#pragma once

#include <stddef.h>

typedef int sort_compare(const void *a, const void *b, void *context);

/*
 * Sort N elements of SIZE bytes, at most SORT_SIZE_MAX, in place; about 2 * N * log2(N) comparisons whatever
 * they hold. Equal ones end in no particular order: COMPARE should tell all apart where that matters.
 */
#define SORT_SIZE_MAX 256
void sort_in_place(void *v, size_t n, size_t size, sort_compare *compare, void *context);
