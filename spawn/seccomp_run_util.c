/* Classic BPF as seccomp(2) has it, run on one system call: what a filter will answer, before it is loaded. */
#include "spawn/seccomp_filter.h"

#include <string.h>

struct machine {
	uint32_t a, x, memory[BPF_MEMWORDS];
};

static uint32_t calculate(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return b < 32 ? a << b : 0;
	case BPF_RSH:
		return b < 32 ? a >> b : 0;
	case BPF_NEG:
		return -a;
	default:
		return 0;
	}
}

static bool jumps(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default: /* BPF_JSET */
		return (a & b) != 0;
	}
}

/* Returns false for what may not stand in a filter. */
static bool load(const struct sock_filter *f, const struct seccomp_data *data,
		 const struct machine *m, uint32_t *ret)
{
	switch (BPF_MODE(f->code)) {
	case BPF_IMM:
		*ret = f->k;
		return true;
	case BPF_LEN:
		*ret = sizeof *data;
		return true;
	case BPF_MEM:
		if (f->k >= BPF_MEMWORDS)
			return false;
		*ret = m->memory[f->k];
		return true;
	case BPF_ABS:
		if (f->k % sizeof *ret || f->k > sizeof *data - sizeof *ret)
			return false;
		memcpy(ret, (const char *)data + f->k, sizeof *ret);
		return true;
	default:
		return false;
	}
}

uint32_t sysfilter_run(const struct sock_filter *filter, size_t n, const struct seccomp_data *data)
{
	struct machine m = {0};

	for (size_t at = 0; at < n; at++) {
		const struct sock_filter *f = &filter[at];
		uint32_t operand = BPF_SRC(f->code) == BPF_X ? m.x : f->k;

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			if (!load(f, data, &m, &m.a))
				return SECCOMP_RET_KILL_PROCESS;
			break;
		case BPF_LDX:
			if (!load(f, data, &m, &m.x))
				return SECCOMP_RET_KILL_PROCESS;
			break;
		case BPF_ST:
		case BPF_STX:
			if (f->k >= BPF_MEMWORDS)
				return SECCOMP_RET_KILL_PROCESS;
			m.memory[f->k] = BPF_CLASS(f->code) == BPF_ST ? m.a : m.x;
			break;
		case BPF_ALU:
			m.a = calculate(BPF_OP(f->code), m.a, operand);
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA)
				at += f->k;
			else
				at += jumps(BPF_OP(f->code), m.a, operand) ? f->jt : f->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
		default: /* BPF_MISC */
			if (BPF_MISCOP(f->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}
