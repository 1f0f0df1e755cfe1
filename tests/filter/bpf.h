/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An interpreter for the BPF programs that seccomp-compile makes, so that a filter for any architecture can be asked on any
 * machine. It knows the instructions that seccomp-compile uses and calls everything else an error, and follows
 * Documentation/networking/filter.rst.
 */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What no filter returns: the program is wrong. */
#define BPF_BROKEN 0xdeadbeefU

static inline bool bpf_jump(const struct sock_filter *in, uint32_t a)
{
	switch (BPF_OP(in->code)) {
	case BPF_JEQ:
		return a == in->k;
	case BPF_JGE:
		return a >= in->k;
	default:
		return false;
	}
}

/* Run the program. *STEPS counts instructions. */
static inline uint32_t bpf_run(const struct sock_filter *program, size_t n, const struct seccomp_data *data, unsigned *steps)
{
	uint32_t a = 0;

	*steps = 0;
	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *in = &program[pc];
		++*steps;
		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (in->k % 4 || in->k + 4 > sizeof(*data))
				return BPF_BROKEN;
			memcpy(&a, (const char *)data + in->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= in->k;
			break;
		case BPF_JMP | BPF_JA:
			if (in->k > n)
				return BPF_BROKEN;
			pc += in->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += bpf_jump(in, a) ? in->jt : in->jf;
			break;
		case BPF_RET | BPF_K:
			return in->k;
		default:
			return BPF_BROKEN;
		}
	}
	return BPF_BROKEN;
}
