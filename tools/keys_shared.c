/* SPDX-License-Identifier: MIT */
/* A shared key, for programs that have no certificates: a line of hexadecimal digits. */
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <stdio.h>

#include "command.h"
#include "keys.h"

enum { KEY_BYTES = 32 };

#define NAME "shared-key"

static int make_line(struct blob *ret)
{
	unsigned char key[KEY_BYTES];
	char line[2 * KEY_BYTES + 2];
	int i, err;

	if (RAND_bytes(key, sizeof(key)) != 1)
		return keys_complain("make a key");
	for (i = 0; i < KEY_BYTES; i++)
		snprintf(line + 2 * i, 3, "%02x", key[i]);
	line[2 * KEY_BYTES] = '\n';
	err = blob_set(ret, line, 2 * KEY_BYTES + 1);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(line, sizeof(line));
	return err;
}

static int make_file(struct keys_dir *dir)
{
	struct blob line = { 0 };
	int err;

	if (dir_has(dir, NAME))
		return dir_complain(dir, NAME,
				    "this exists: move it away if all programs are to get another");
	err = make_line(&line);
	if (err == 0)
		err = dir_write(dir, ".", NAME, &line, KEYS_SECRET);
	blob_free(&line);
	return err;
}

int keys_shared(const struct keys_settings *settings)
{
	struct keys_dir dir;
	int err = dir_open(&dir, keys_folder(settings), true);

	if (err == 0)
		err = dir_lock(&dir);
	if (err == 0)
		err = make_file(&dir);
	if (err == 0 && !settings->quiet)
		printf("%s/" NAME ": a shared key, for PYRITE_SHARED_KEY_FILE of each program\n",
		       dir.path);
	dir_close(&dir);
	return err < 0 ? COMMAND_REFUSED : COMMAND_OK;
}
