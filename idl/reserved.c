/* SPDX-License-Identifier: MIT */
/*
 * Words an IDL name cannot have in C: keywords of C and C++, macros of the C library, and what the
 * headers that generated code includes declare at file scope.
 */
#include "reserved.h"

#include <stdlib.h>
#include <string.h>

/* Sorted, for bsearch(). */
static const char *const words[] = {
	"BUFSIZ",
	"EOF",
	"FALSE",
	"FILENAME_MAX",
	"FOPEN_MAX",
	"L_ctermid",
	"L_tmpnam",
	"NULL",
	"PTRDIFF_MAX",
	"PTRDIFF_MIN",
	"P_tmpdir",
	"SEEK_CUR",
	"SEEK_END",
	"SEEK_SET",
	"SIZE_MAX",
	"TMP_MAX",
	"TRUE",
	"WCHAR_MAX",
	"WCHAR_MIN",
	"WINT_MAX",
	"_Alignas",
	"_Alignof",
	"_Atomic",
	"_Bool",
	"_Complex",
	"_Generic",
	"_Imaginary",
	"_Noreturn",
	"_Static_assert",
	"_Thread_local",
	"alignas",
	"alignof",
	"alloca",
	"and",
	"and_eq",
	"asm",
	"assert",
	"atomic_cancel",
	"atomic_commit",
	"atomic_noexcept",
	"auto",
	"bitand",
	"bitor",
	"bool",
	"break",
	"case",
	"catch",
	"char",
	"char16_t",
	"char32_t",
	"char8_t",
	"class",
	"co_await",
	"co_return",
	"co_yield",
	"compl",
	"complex",
	"concept",
	"const",
	"const_cast",
	"consteval",
	"constexpr",
	"constinit",
	"continue",
	"decltype",
	"default",
	"delete",
	"do",
	"double",
	"dynamic_cast",
	"else",
	"enum",
	"errno",
	"explicit",
	"export",
	"extern",
	"false",
	"float",
	"for",
	"fortran",
	"friend",
	"goto",
	"h_addr",
	"i386",
	"if",
	"inline",
	"int",
	"isfinite",
	"isinf",
	"isnan",
	"isnormal",
	"linux",
	"long",
	"major",
	"makedev",
	"minor",
	"mutable",
	"namespace",
	"new",
	"noexcept",
	"noreturn",
	"not",
	"not_eq",
	"nullptr",
	"offsetof",
	"operator",
	"or",
	"or_eq",
	"private",
	"protected",
	"public",
	"reflexpr",
	"register",
	"reinterpret_cast",
	"requires",
	"restrict",
	"return",
	"sa_handler",
	"sa_sigaction",
	"short",
	"si_addr",
	"si_pid",
	"si_status",
	"si_uid",
	"si_value",
	"signbit",
	"signed",
	"sizeof",
	"st_atime",
	"st_ctime",
	"st_mtime",
	"static",
	"static_assert",
	"static_cast",
	"stderr",
	"stdin",
	"stdout",
	"strdupa",
	"struct",
	"switch",
	"synchronized",
	"template",
	"this",
	"thread_local",
	"throw",
	"true",
	"try",
	"typedef",
	"typeid",
	"typename",
	"typeof",
	"typeof_unqual",
	"union",
	"unix",
	"unsigned",
	"using",
	"va_arg",
	"va_copy",
	"va_end",
	"va_start",
	"virtual",
	"void",
	"volatile",
	"wchar_t",
	"while",
	"xor",
	"xor_eq",
};

static const char *const globals[] = {
	"FILE",         "abort",       "clearerr",  "ctermid",  "dprintf",   "fclose",
	"fdopen",       "feof",        "ferror",    "fflush",   "fgetc",     "fgetpos",
	"fgets",        "fileno",      "flockfile", "fmemopen", "fopen",     "fpos_t",
	"fprintf",      "fputc",       "fputs",     "fread",    "free",      "freopen",
	"fscanf",       "fseek",       "fseeko",    "fsetpos",  "ftell",     "ftello",
	"ftrylockfile", "funlockfile", "fwrite",    "getc",     "getchar",   "getdelim",
	"getline",      "gets",        "getw",      "gid_t",    "int16_t",   "int32_t",
	"int64_t",      "int8_t",      "intmax_t",  "intptr_t", "main",      "malloc",
	"max_align_t",  "memcpy",      "memset",    "mode_t",   "off_t",     "open_memstream",
	"pclose",       "perror",      "pid_t",     "popen",    "printf",    "ptrdiff_t",
	"putc",         "putchar",     "puts",      "putw",     "remove",    "rename",
	"renameat",     "rewind",      "scanf",     "setbuf",   "setbuffer", "setlinebuf",
	"setvbuf",      "size_t",      "snprintf",  "sprintf",  "sscanf",    "ssize_t",
	"strcmp",       "strlen",      "tempnam",   "time_t",   "tmpfile",   "tmpnam",
	"uid_t",        "uint16_t",    "uint32_t",  "uint64_t", "uint8_t",   "uintmax_t",
	"uintptr_t",    "ungetc",      "va_list",   "vdprintf", "vfprintf",  "vfscanf",
	"vprintf",      "vscanf",      "vsnprintf", "vsprintf", "vsscanf",
};

static int compare(const void *key, const void *entry)
{
	return strcmp(key, *(const char *const *)entry);
}

bool reserved_word(const char *name)
{
	/* Two underscores, or one and a capital, are the compiler's own. */
	if (name[0] == '_' && (name[1] == '_' || (name[1] >= 'A' && name[1] <= 'Z')))
		return true;
	return bsearch(name, words, sizeof(words) / sizeof(words[0]), sizeof(words[0]), compare);
}

/* A type of this name stands in the same list of parameters or members; a function of this name is
 * called in the body. */
bool reserved_bare(const char *name)
{
	static const char *const types[] = { "pyr_any",    "pyr_call",      "pyr_deferred",
					     "pyr_future", "pyr_future_cb", "pyr_future_then",
					     "pyr_object", "pyr_proxy",     "pyr_stream" };
	size_t n = strlen(name), i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(name, types[i]) == 0)
			return true;
	return reserved_word(name) || strncmp(name, "pyr__", 5) == 0 ||
	       strncmp(name, "PYR_", 4) == 0 ||
	       (n > 2 && strcmp(name + n - 2, "_t") == 0 &&
		bsearch(name, globals, sizeof(globals) / sizeof(globals[0]), sizeof(globals[0]),
			compare));
}

bool reserved_global(const char *name)
{
	return reserved_word(name) || strncmp(name, "pyr_", 4) == 0 ||
	       strncmp(name, "PYR_", 4) == 0 || strncmp(name, "INT", 3) == 0 ||
	       strncmp(name, "UINT", 4) == 0 || name[0] == '_' ||
	       bsearch(name, globals, sizeof(globals) / sizeof(globals[0]), sizeof(globals[0]),
		       compare);
}
