/* SPDX-License-Identifier: MIT */
/*
 * Feeds the corpora to the fuzz targets, without libFuzzer and with any compiler: fuzz-replay-GROUP
 * FOLDER [TARGET...]. FOLDER has a folder of inputs for each target; one that is empty is a
 * failure. Prints "ok TARGET: N inputs".
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* REPLAY_TARGETS: X(name) of each target. */
#include REPLAY_TARGETS_FILE

#define X(name) int fuzz_input_##name(const uint8_t *data, size_t size);
REPLAY_TARGETS
#undef X

static const struct {
	const char *name;
	int (*run)(const uint8_t *data, size_t size);
} targets[] = {
#define X(name) { #name, fuzz_input_##name },
	REPLAY_TARGETS
#undef X
};

/* Each input lies in a block of its own size, so that a read beyond it is seen. */
static int replay(const char *path, int (*run)(const uint8_t *data, size_t size))
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	long n = -1;

	if (file && fseek(file, 0, SEEK_END) == 0)
		n = ftell(file);
	if (n >= 0 && (data = malloc(n > 0 ? (size_t)n : 1)) != NULL) {
		rewind(file);
		if (fread(data, 1, (size_t)n, file) != (size_t)n)
			n = -1;
	}
	if (data && n >= 0)
		(void)run(data, (size_t)n);
	else
		perror(path);
	free(data);
	if (file)
		fclose(file);
	return data && n >= 0 ? 1 : 0;
}

static int replay_all(const char *folder, const char *name,
		      int (*run)(const uint8_t *data, size_t size))
{
	char path[1024];
	struct dirent *entry;
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s/%s", folder, name, entry->d_name);
			n += replay(path, run);
		}
	if (dir)
		closedir(dir);
	printf("%s %s: %d inputs\n", n > 0 ? "ok" : "not ok", name, n);
	fflush(stdout);
	return n == 0;
}

static int is_wanted(const char *name, char **names)
{
	if (!*names)
		return 1;
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return 1;
	return 0;
}

int main(int argc, char *argv[])
{
	int failed = argc < 2;
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(targets) / sizeof(targets[0]); i++)
		if (is_wanted(targets[i].name, argv + 2))
			failed |= replay_all(argv[1], targets[i].name, targets[i].run);
	return failed;
}
