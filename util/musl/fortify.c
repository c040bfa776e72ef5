/* The checked stdio and string calls that Debian's libjson-c.a and libcap.a were compiled to call (glibc's
 * _FORTIFY_SOURCE), for programs linked with musl. The buffer size that the compiler passes is checked here too. */
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

int __vsnprintf_chk(char *s, size_t n, int flag, size_t size, const char *format, va_list ap);
int __snprintf_chk(char *s, size_t n, int flag, size_t size, const char *format, ...);
int __sprintf_chk(char *s, int flag, size_t size, const char *format, ...);
int __vfprintf_chk(FILE *f, int flag, const char *format, va_list ap);
int __fprintf_chk(FILE *f, int flag, const char *format, ...);
int __vasprintf_chk(char **ret, int flag, const char *format, va_list ap);
int __asprintf_chk(char **ret, int flag, const char *format, ...);
void __vsyslog_chk(int priority, int flag, const char *format, va_list ap);
char *__strcat_chk(char *to, const char *from, size_t size);

int __vsnprintf_chk(char *s, size_t n, int flag, size_t size, const char *format, va_list ap)
{
	(void)flag;
	if (n > size)
		abort();
	return vsnprintf(s, n, format, ap);
}

int __snprintf_chk(char *s, size_t n, int flag, size_t size, const char *format, ...)
{
	va_list ap;
	int len;

	va_start(ap, format);
	len = __vsnprintf_chk(s, n, flag, size, format, ap);
	va_end(ap);
	return len;
}

int __sprintf_chk(char *s, int flag, size_t size, const char *format, ...)
{
	va_list ap;
	int len;

	(void)flag;
	va_start(ap, format);
	len = vsnprintf(s, size < INT_MAX ? size : INT_MAX, format, ap); /* musl refuses more */
	va_end(ap);
	if (len >= 0 && (size_t)len >= size)
		abort();
	return len;
}

int __vfprintf_chk(FILE *f, int flag, const char *format, va_list ap)
{
	(void)flag;
	return vfprintf(f, format, ap);
}

int __fprintf_chk(FILE *f, int flag, const char *format, ...)
{
	va_list ap;
	int len;

	(void)flag;
	va_start(ap, format);
	len = vfprintf(f, format, ap);
	va_end(ap);
	return len;
}

int __vasprintf_chk(char **ret, int flag, const char *format, va_list ap)
{
	(void)flag;
	return vasprintf(ret, format, ap);
}

int __asprintf_chk(char **ret, int flag, const char *format, ...)
{
	va_list ap;
	int len;

	(void)flag;
	va_start(ap, format);
	len = vasprintf(ret, format, ap);
	va_end(ap);
	return len;
}

void __vsyslog_chk(int priority, int flag, const char *format, va_list ap)
{
	(void)flag;
	vsyslog(priority, format, ap);
}

char *__strcat_chk(char *to, const char *from, size_t size)
{
	if (strlen(to) + strlen(from) >= size)
		abort();
	return strcat(to, from);
}
