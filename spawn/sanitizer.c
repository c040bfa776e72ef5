/* What the sanitizers are told in builds with SAN=1; empty in others. */
#ifdef TASKSHIM_SANITIZED

/* The monitor leaves what the config was decoded into to heap_release(), which does nothing there, so it looks leaked.
 * Leaks of the decoders are looked for in the unit tests, the fuzzers and the taskshim command. */
const char *__asan_default_options(void);
__attribute__((visibility("default"), used)) const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

#endif
