/* Scans JSON text strictly, one byte after the other. Pure. */
#include "protocol/json_scan.h"

#include "protocol/stream.h"

#include <string.h>

enum state {
	BEFORE_VALUE,
	BEFORE_VALUE_OR_END, /* after [ */
	BEFORE_KEY,
	BEFORE_KEY_OR_END, /* after { */
	BEFORE_COLON,
	AFTER_VALUE,
	IN_STRING,
	IN_UTF8,
	IN_ESCAPE,
	IN_HEX,
	BEFORE_LOW_BACKSLASH, /* after a high surrogate */
	BEFORE_LOW_U,
	IN_LITERAL,
	AFTER_MINUS,
	AFTER_ZERO,
	IN_INTEGER,
	AFTER_POINT,
	IN_FRACTION,
	AFTER_E,
	AFTER_E_SIGN,
	IN_EXPONENT,
};

static const char number_too_large[] = "the number does not fit 64 bits";

_Static_assert(STREAM_DEPTH_MAX <= 64, "the levels are the bits of one uint64_t");

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static enum json_scan_result problem(struct json_scan *s, const char *text)
{
	s->problem = text;
	return JSON_SCAN_ERROR;
}

/* A value is whole. */
static enum json_scan_result finish_value(struct json_scan *s)
{
	s->state = AFTER_VALUE;
	return s->depth == 0 ? JSON_SCAN_DONE : JSON_SCAN_MORE;
}

static bool in_object(const struct json_scan *s)
{
	return s->depth > 0 && (s->objects >> (s->depth - 1) & 1);
}

static enum json_scan_result open_level(struct json_scan *s, bool object)
{
	if (s->depth == STREAM_DEPTH_MAX)
		return problem(s, "more than 64 levels");
	uint64_t bit = (uint64_t)1 << s->depth;

	s->objects = object ? s->objects | bit : s->objects & ~bit;
	s->depth++;
	s->state = object ? BEFORE_KEY_OR_END : BEFORE_VALUE_OR_END;
	return JSON_SCAN_MORE;
}

static enum json_scan_result close_level(struct json_scan *s, bool object)
{
	if (s->depth == 0 || in_object(s) != object)
		return problem(s, object ? "unexpected }" : "unexpected ]");
	s->depth--;
	return finish_value(s);
}

static enum json_scan_result open_literal(struct json_scan *s, const char *rest)
{
	s->literal = rest;
	s->state = IN_LITERAL;
	return JSON_SCAN_MORE;
}

static enum json_scan_result open_string(struct json_scan *s, bool is_key)
{
	s->is_key = is_key;
	s->state = IN_STRING;
	return JSON_SCAN_MORE;
}

static void add_digit(struct json_scan *s, char c)
{
	s->overflow |= __builtin_mul_overflow(s->magnitude, 10, &s->magnitude);
	s->overflow |= __builtin_add_overflow(s->magnitude, (uint64_t)(c - '0'), &s->magnitude);
}

static enum json_scan_result open_number(struct json_scan *s, enum state state, char c)
{
	s->state = state;
	s->negative = c == '-';
	s->is_double = s->overflow = false;
	s->magnitude = 0;
	if (is_digit(c))
		add_digit(s, c);
	return JSON_SCAN_MORE;
}

static bool number_fits(const struct json_scan *s)
{
	if (s->is_double)
		return true; /* what becomes infinite is found by json_build() */
	return !s->overflow && (!s->negative || s->magnitude <= (uint64_t)INT64_MAX + 1);
}

static enum json_scan_result before_value(struct json_scan *s, char c)
{
	switch (c) {
	case '{':
		return open_level(s, true);
	case '[':
		return open_level(s, false);
	case '"':
		return open_string(s, false);
	case 't':
		return open_literal(s, "rue");
	case 'f':
		return open_literal(s, "alse");
	case 'n':
		return open_literal(s, "ull");
	case '-':
		return open_number(s, AFTER_MINUS, c);
	case '0':
		return open_number(s, AFTER_ZERO, c);
	case 'N':
	case 'I':
		return problem(s, "NaN and Infinity are not JSON");
	default:
		if (!is_digit(c))
			return problem(s, "expected a value");
		return open_number(s, IN_INTEGER, c);
	}
}

static enum json_scan_result after_value(struct json_scan *s, char c)
{
	switch (c) {
	case ',':
		s->state = in_object(s) ? BEFORE_KEY : BEFORE_VALUE;
		return JSON_SCAN_MORE;
	case '}':
		return close_level(s, true);
	case ']':
		return close_level(s, false);
	default:
		return problem(s, in_object(s) ? "expected , or }" : "expected , or ]");
	}
}

/* The tokens between strings, numbers and literals; white space stands anywhere. */
static enum json_scan_result structure(struct json_scan *s, char c)
{
	if (is_space(c))
		return JSON_SCAN_MORE;
	switch (s->state) {
	case BEFORE_VALUE_OR_END:
		return c == ']' ? close_level(s, false) : before_value(s, c);
	case BEFORE_VALUE:
		return before_value(s, c);
	case BEFORE_KEY_OR_END:
		if (c == '}')
			return close_level(s, true);
		/* fall through */
	case BEFORE_KEY:
		return c == '"' ? open_string(s, true) : problem(s, "expected a key in quotes");
	case BEFORE_COLON:
		s->state = BEFORE_VALUE;
		return c == ':' ? JSON_SCAN_MORE : problem(s, "expected :");
	default:
		return after_value(s, c);
	}
}

/* What may follow the lead byte @c: how many bytes, and the range of the first of them (Unicode, table 3-7). */
static bool utf8_lead(unsigned char c, unsigned *left, unsigned char *min, unsigned char *max)
{
	*min = 0x80;
	*max = 0xbf;
	if (c >= 0xc2 && c <= 0xdf) {
		*left = 1;
	} else if (c >= 0xe0 && c <= 0xef) {
		*left = 2;
		*min = c == 0xe0 ? 0xa0 : 0x80; /* overlong */
		*max = c == 0xed ? 0x9f : 0xbf; /* surrogates */
	} else if (c >= 0xf0 && c <= 0xf4) {
		*left = 3;
		*min = c == 0xf0 ? 0x90 : 0x80;
		*max = c == 0xf4 ? 0x8f : 0xbf; /* above U+10FFFF */
	} else {
		return false;
	}
	return true;
}

size_t utf8_sequence_len(const char *text, size_t len)
{
	unsigned left;
	unsigned char min, max;

	if (len == 0)
		return 0;
	if ((unsigned char)text[0] < 0x80)
		return 1;
	if (!utf8_lead((unsigned char)text[0], &left, &min, &max) || left >= len)
		return 0;
	for (unsigned i = 1; i <= left; i++, min = 0x80, max = 0xbf)
		if ((unsigned char)text[i] < min || (unsigned char)text[i] > max)
			return 0;
	return left + 1;
}

char *utf8_put(char *out, uint32_t rune)
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	int n = rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;

	for (int i = n - 1; i > 0; i--, rune >>= 6)
		out[i] = (char)(0x80 | (rune & 0x3f));
	out[0] = (char)(n == 1 ? rune : lead[n] | rune);
	return out + n;
}

static enum json_scan_result string_byte(struct json_scan *s, char c)
{
	unsigned char byte = (unsigned char)c;

	if (c == '"') {
		if (!s->is_key)
			return finish_value(s);
		s->state = BEFORE_COLON;
		return JSON_SCAN_MORE;
	}
	if (c == '\\') {
		s->state = IN_ESCAPE;
		return JSON_SCAN_MORE;
	}
	if (byte == 0)
		return problem(s, "NUL in a string");
	if (byte < 0x20)
		return problem(s, "control character in a string: write it as an escape");
	if (byte >= 0x80) {
		if (!utf8_lead(byte, &s->utf8_left, &s->utf8_min, &s->utf8_max))
			return problem(s, "invalid UTF-8");
		s->state = IN_UTF8;
	}
	return JSON_SCAN_MORE;
}

static enum json_scan_result utf8_byte(struct json_scan *s, char c)
{
	if ((unsigned char)c < s->utf8_min || (unsigned char)c > s->utf8_max)
		return problem(s, "invalid UTF-8");
	s->utf8_min = 0x80;
	s->utf8_max = 0xbf;
	if (--s->utf8_left == 0)
		s->state = IN_STRING;
	return JSON_SCAN_MORE;
}

static enum json_scan_result escape_byte(struct json_scan *s, char c)
{
	if (c == 'u') {
		s->hex_left = 4;
		s->hex = 0;
		s->state = IN_HEX;
		return JSON_SCAN_MORE;
	}
	if (c == '\0' || !strchr("\"\\/bfnrt", c))
		return problem(s, "unknown escape");
	s->state = IN_STRING;
	return JSON_SCAN_MORE;
}

/* Four digits are read: what they stand for must be a character. */
static enum json_scan_result escape_done(struct json_scan *s)
{
	bool is_high = s->hex >= 0xd800 && s->hex <= 0xdbff;
	bool is_low = s->hex >= 0xdc00 && s->hex <= 0xdfff;

	if (s->low_surrogate != is_low)
		return problem(s, "half of a surrogate pair");
	if (s->hex == 0)
		return problem(s, s->is_key ? "NUL in a key" : "NUL in a string");
	s->low_surrogate = false;
	s->state = is_high ? BEFORE_LOW_BACKSLASH : IN_STRING;
	return JSON_SCAN_MORE;
}

static enum json_scan_result hex_byte(struct json_scan *s, char c)
{
	unsigned digit;

	if (is_digit(c))
		digit = (unsigned)(c - '0');
	else if (c >= 'a' && c <= 'f')
		digit = (unsigned)(c - 'a') + 10;
	else if (c >= 'A' && c <= 'F')
		digit = (unsigned)(c - 'A') + 10;
	else
		return problem(s, "expected a hexadecimal digit");
	s->hex = s->hex << 4 | digit;
	return --s->hex_left == 0 ? escape_done(s) : JSON_SCAN_MORE;
}

static enum json_scan_result low_surrogate_byte(struct json_scan *s, char c)
{
	if (s->state == BEFORE_LOW_BACKSLASH) {
		s->state = BEFORE_LOW_U;
		return c == '\\' ? JSON_SCAN_MORE : problem(s, "half of a surrogate pair");
	}
	if (c != 'u')
		return problem(s, "half of a surrogate pair");
	s->low_surrogate = true;
	return escape_byte(s, c);
}

static enum json_scan_result literal_byte(struct json_scan *s, char c)
{
	if (c != *s->literal)
		return problem(s, "expected true, false or null");
	return *++s->literal == '\0' ? finish_value(s) : JSON_SCAN_MORE;
}

/* Takes the next byte of a number. *@ret_over: @c does not belong to it any more, and it is whole. */
static enum json_scan_result number_byte(struct json_scan *s, char c, bool *ret_over)
{
	bool digit = is_digit(c);

	*ret_over = false;
	switch (s->state) {
	case AFTER_MINUS:
		if (c == 'I' || c == 'N')
			return problem(s, "NaN and Infinity are not JSON");
		s->state = c == '0' ? AFTER_ZERO : IN_INTEGER;
		if (digit)
			add_digit(s, c);
		return digit ? JSON_SCAN_MORE : problem(s, "expected a digit");
	case AFTER_POINT:
		s->state = IN_FRACTION;
		return digit ? JSON_SCAN_MORE : problem(s, "expected a digit");
	case AFTER_E:
		if (c == '+' || c == '-') {
			s->state = AFTER_E_SIGN;
			return JSON_SCAN_MORE;
		}
		/* fall through */
	case AFTER_E_SIGN:
		s->state = IN_EXPONENT;
		return digit ? JSON_SCAN_MORE : problem(s, "expected a digit");
	default:
		break;
	}
	if (digit && s->state == AFTER_ZERO)
		return problem(s, "a number starts with 0");
	if (digit && s->state == IN_INTEGER)
		add_digit(s, c);
	if (digit)
		return JSON_SCAN_MORE;
	if (c == '.' && (s->state == AFTER_ZERO || s->state == IN_INTEGER)) {
		s->is_double = true;
		s->state = AFTER_POINT;
	} else if ((c == 'e' || c == 'E') && s->state != IN_EXPONENT) {
		s->is_double = true;
		s->state = AFTER_E;
	} else {
		*ret_over = true;
	}
	return *ret_over && !number_fits(s) ? problem(s, number_too_large) : JSON_SCAN_MORE;
}

static enum json_scan_result other_byte(struct json_scan *s, char c)
{
	switch (s->state) {
	case IN_UTF8:
		return utf8_byte(s, c);
	case IN_ESCAPE:
		return escape_byte(s, c);
	case IN_HEX:
		return hex_byte(s, c);
	case BEFORE_LOW_BACKSLASH:
	case BEFORE_LOW_U:
		return low_surrogate_byte(s, c);
	case IN_LITERAL:
		return literal_byte(s, c);
	default:
		return structure(s, c);
	}
}

enum json_scan_result json_scan_feed(struct json_scan *s, const char *text, size_t len,
				     size_t *ret_used)
{
	enum json_scan_result result = JSON_SCAN_MORE;
	size_t i = 0;

	for (; i < len; i++) {
		if (s->state == IN_STRING) {
			result = string_byte(s, text[i]);
		} else if (s->state >= AFTER_MINUS) {
			bool over;

			result = number_byte(s, text[i], &over);
			if (over && result == JSON_SCAN_MORE) {
				if (finish_value(s) == JSON_SCAN_DONE) {
					*ret_used = i;
					return JSON_SCAN_DONE;
				}
				result = structure(s, text[i]);
			}
		} else {
			result = other_byte(s, text[i]);
		}
		if (result != JSON_SCAN_MORE)
			break;
	}
	*ret_used = result == JSON_SCAN_DONE ? i + 1 : i;
	return result;
}

bool json_scan_end(struct json_scan *s)
{
	bool whole = s->depth == 0 && (s->state == AFTER_ZERO || s->state == IN_INTEGER ||
				       s->state == IN_FRACTION || s->state == IN_EXPONENT);

	if (!whole)
		s->problem = "the document is cut off";
	else if (!number_fits(s))
		s->problem = number_too_large;
	return !s->problem;
}

bool json_scan_is_blank(const struct json_scan *s)
{
	return s->depth == 0 && s->state == BEFORE_VALUE;
}
