/* SPDX-License-Identifier: MIT */
/*
 * What changes a CA. Order makes crashes harmless: new files are on disk under other names, then
 * the index, then they get their names; what was revoked is in the index first, and who comes next
 * makes a list that lacks it anew.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "keys.h"

enum { DAY_S = 86400, CA_DAYS = 3650, DAYS = 365 };

struct keys {
	const struct keys_settings *settings;
	struct keys_dir dir;
	struct keys_ca ca;
	struct keys_index index;
	time_t now;
};

static void close_keys(struct keys *keys)
{
	keys_ca_free(&keys->ca);
	index_free(&keys->index);
	dir_close(&keys->dir);
}

static int code_of(int err)
{
	return err < 0 ? COMMAND_REFUSED : COMMAND_OK;
}

static time_t until(const struct keys *keys, long days)
{
	return keys->now + (keys->settings->days ? keys->settings->days : days) * DAY_S;
}

static void day_text(time_t time, char ret[KEYS_TIME])
{
	keys_time_text(time, ret);
	ret[strcspn(ret, "T")] = '\0';
}

/* Of a folder in DIR. */
static void path_in(char ret[KEYS_PATH], const char *folder, const char *file)
{
	snprintf(ret, KEYS_PATH, "%s/%s", folder, file);
}

/* ---- the CA ---- */

static int load_ca(struct keys *keys)
{
	struct blob cert = { 0 }, key = { 0 };
	int err = dir_read(&keys->dir, "ca/ca.pem", KEYS_PUBLIC, &cert);

	if (err == 0)
		err = dir_read(&keys->dir, "ca/ca-key.pem", KEYS_SECRET, &key);
	if (err == 0 && keys_ca_parse(&keys->ca, &cert, &key) < 0)
		err = dir_complain(&keys->dir, "ca", "restore ca.pem and ca-key.pem from a backup");
	blob_free(&cert);
	blob_free(&key);
	return err;
}

/* Opens and locks the folder, whose index and CA are then those of its last change. */
static int open_keys(struct keys *keys, const struct keys_settings *settings)
{
	*keys = (struct keys){ .settings = settings };
	if (dir_open(&keys->dir, keys_folder(settings), false) < 0)
		return -1;
	if (!dir_has(&keys->dir, "ca/ca.pem"))
		return dir_complain(&keys->dir, "ca/ca.pem",
				    "no CA here: 'pyrite keys init' makes one, --dir says where");
	if (dir_lock(&keys->dir) < 0 || load_ca(keys) < 0)
		return -1;
	keys->now = time(NULL);
	return index_read(&keys->index, &keys->dir);
}

/* All files of a new CA, in the new folder. */
static int write_ca(struct keys *keys)
{
	struct blob cert = { 0 }, key = { 0 }, crl = { 0 };
	int err = keys_ca_print(&keys->ca, &cert, &key);

	if (err == 0)
		err = keys_crl_make(&keys->ca, &keys->index, keys->now, &crl);
	if (err == 0)
		err = dir_write(&keys->dir, KEYS_NEW_FOLDER, "ca.pem", &cert, KEYS_PUBLIC);
	if (err == 0)
		err = dir_write(&keys->dir, KEYS_NEW_FOLDER, "ca-key.pem", &key, KEYS_SECRET);
	if (err == 0)
		err = dir_write(&keys->dir, KEYS_NEW_FOLDER, "crl.pem", &crl, KEYS_PUBLIC);
	if (err == 0)
		err = index_write(&keys->index, &keys->dir, KEYS_NEW_FOLDER);
	blob_free(&cert);
	blob_free(&key);
	blob_free(&crl);
	return err;
}

static int make_ca(struct keys *keys)
{
	const char *type = keys->settings->type ? keys->settings->type : "ec";

	if (dir_open(&keys->dir, keys_folder(keys->settings), true) < 0 || dir_lock(&keys->dir) < 0)
		return -1;
	if (dir_has(&keys->dir, "ca"))
		return dir_complain(
			&keys->dir, "ca",
			"there is a CA already: another needs a folder of its own, --dir");
	if (keys_ca_make(&keys->ca, type, keys->now, until(keys, CA_DAYS)) < 0 ||
	    dir_begin_folder(&keys->dir) < 0)
		return -1;
	if (write_ca(keys) == 0 && dir_end_folder(&keys->dir, "ca") == 0)
		return 0;
	dir_drop_folder(&keys->dir);
	return -1;
}

int keys_init(const struct keys_settings *settings)
{
	struct keys keys = { .settings = settings, .now = time(NULL) };
	int err = make_ca(&keys);
	char day[KEYS_TIME];

	day_text(until(&keys, CA_DAYS), day);
	if (err == 0 && !settings->quiet)
		printf("%s/ca: a CA until %s; keep a backup of this folder\n", keys.dir.path, day);
	close_keys(&keys);
	return code_of(err);
}

/* ---- what was revoked ---- */

static int write_crl_in(struct keys *keys, const char *folder, const struct blob *crl)
{
	return dir_write(&keys->dir, folder, "crl.pem", crl, KEYS_PUBLIC);
}

/* Writes the list of the index into every folder there is, and goes on after failures; the CA's own
 * copy is the last: when it is complete, no crash has left the others behind. */
static int write_crl(struct keys *keys)
{
	struct blob crl = { 0 };
	int err = keys_crl_make(&keys->ca, &keys->index, keys->now, &crl);
	size_t i;

	for (i = 0; i < keys->index.n && crl.data; i++) {
		const struct keys_row *row = &keys->index.rows[i];

		if (row == index_newest(&keys->index, row->name) &&
		    dir_has(&keys->dir, row->name) && write_crl_in(keys, row->name, &crl) < 0)
			err = -1;
	}
	if (crl.data && write_crl_in(keys, "ca", &crl) < 0)
		err = -1;
	blob_free(&crl);
	return err;
}

/* The list, which is made anew if its process did not get that far. */
static int read_crl(struct keys *keys, struct blob *ret)
{
	int err = dir_read(&keys->dir, "ca/crl.pem", KEYS_PUBLIC, ret);

	if (err < 0 || keys_crl_is_complete(ret, &keys->index))
		return err;
	blob_free(ret);
	return write_crl(keys) < 0 ? -1 : dir_read(&keys->dir, "ca/crl.pem", KEYS_PUBLIC, ret);
}

/* Marks all certificates of the name. Returns how many were not marked before. */
static size_t mark(struct keys *keys, const char *name)
{
	size_t i, n = 0;

	for (i = 0; i < keys->index.n; i++) {
		struct keys_row *row = &keys->index.rows[i];

		if (strcmp(row->name, name) == 0 && !row->revoked) {
			row->revoked = keys->now;
			n++;
		}
	}
	return n;
}

static int revoke(struct keys *keys, const char *name, size_t *ret_n)
{
	if (!index_newest(&keys->index, name))
		return dir_complain(&keys->dir, name,
				    "no certificate was ever issued to this name");
	*ret_n = mark(keys, name);
	if (*ret_n > 0 && index_write(&keys->index, &keys->dir, "ca") < 0)
		return -1;
	if (write_crl(keys) == 0)
		return 0;
	return dir_complain(&keys->dir, "ca/crl.pem",
			    "'%s' is revoked, but not everywhere: revoke it again when there is no "
			    "such error any more",
			    name);
}

int keys_revoke(const struct keys_settings *settings)
{
	struct keys keys;
	size_t n = 0;
	int err = open_keys(&keys, settings);

	if (err == 0)
		err = revoke(&keys, settings->name, &n);
	if (err == 0 && !settings->quiet)
		printf("%s/ca/crl.pem: '%s' is revoked%s; copy it to programs on other machines\n",
		       keys.dir.path, settings->name, n ? "" : " already");
	close_keys(&keys);
	return code_of(err);
}

/* ---- certificates ---- */

/* The request for a name, which ends with the CA at the latest. */
static int begin_request(const struct keys *keys, enum keys_kind kind, struct keys_request *ret)
{
	time_t end = keys_ca_not_after(&keys->ca);

	*ret = (struct keys_request){ .name = keys->settings->name,
				      .kind = kind,
				      .now = keys->now,
				      .not_after = until(keys, DAYS) };
	if (end <= keys->now)
		return dir_complain(
			&keys->dir, "ca/ca.pem",
			"the CA has expired: make another with --dir and 'pyrite keys init'");
	if (ret->not_after > end)
		ret->not_after = end;
	return 0;
}

/* ca.pem and crl.pem, which every folder has. A ca.pem that is there stays: the program may trust
 * another CA as well. */
static int write_common(struct keys *keys, const char *folder)
{
	struct blob ca = { 0 }, crl = { 0 };
	int err = dir_read(&keys->dir, "ca/ca.pem", KEYS_PUBLIC, &ca);
	char path[KEYS_PATH];

	path_in(path, folder, "ca.pem");
	if (err == 0)
		err = read_crl(keys, &crl);
	if (err == 0 && !dir_has(&keys->dir, path))
		err = dir_write(&keys->dir, folder, "ca.pem", &ca, KEYS_PUBLIC);
	if (err == 0)
		err = write_crl_in(keys, folder, &crl);
	blob_free(&ca);
	blob_free(&crl);
	return err;
}

static int put_in_index(struct keys *keys, const struct keys_issued *issued)
{
	if (index_add(&keys->index, &issued->row) < 0)
		return -1;
	return index_write(&keys->index, &keys->dir, "ca");
}

static int write_folder(struct keys *keys, const struct keys_issued *issued)
{
	const struct keys_dir *dir = &keys->dir;

	if (dir_begin_folder(dir) < 0 || write_common(keys, KEYS_NEW_FOLDER) < 0 ||
	    dir_write(dir, KEYS_NEW_FOLDER, "cert.pem", &issued->cert, KEYS_PUBLIC) < 0 ||
	    dir_write(dir, KEYS_NEW_FOLDER, "key.pem", &issued->key, KEYS_SECRET) < 0 ||
	    put_in_index(keys, issued) < 0)
		return -1;
	return dir_end_folder(dir, issued->row.name);
}

static void say_issued(const struct keys *keys, const struct keys_row *row)
{
	char day[KEYS_TIME];

	day_text(row->not_after, day);
	if (!keys->settings->quiet)
		printf("%s/%s: a %s's key and certificate until %s%s\n", keys->dir.path, row->name,
		       keys_kind_text(row->kind), day,
		       row->not_after == keys_ca_not_after(&keys->ca) ? ", as the CA" : "");
}

static int add(struct keys *keys, struct keys_request *request)
{
	const char *name = request->name;
	struct keys_issued issued;
	int err;

	if (dir_has(&keys->dir, name))
		return dir_complain(&keys->dir, name,
				    "this exists: 'pyrite keys renew' replaces what is in it");
	if (keys_issue(&keys->ca, request, &issued) < 0)
		return -1;
	err = write_folder(keys, &issued);
	if (err == 0)
		say_issued(keys, &issued.row);
	else
		dir_drop_folder(&keys->dir);
	keys_issued_free(&issued);
	return err;
}

static int add_of_kind(const struct keys_settings *settings, enum keys_kind kind)
{
	static const char *const here[] = { "localhost", "127.0.0.1", "::1" };
	bool by_default = kind == KEYS_SERVER && settings->n_hosts == 0;
	struct keys_request request;
	struct keys keys;
	int err = open_keys(&keys, settings);

	if (err == 0)
		err = begin_request(&keys, kind, &request);
	if (err == 0) {
		request.names = names_make(by_default ? here : settings->hosts,
					   by_default ? 3 : settings->n_hosts, settings->uri);
		err = request.names ? add(&keys, &request) : keys_complain("name hosts");
		GENERAL_NAMES_free(request.names);
	}
	close_keys(&keys);
	return code_of(err);
}

int keys_server(const struct keys_settings *settings)
{
	return add_of_kind(settings, KEYS_SERVER);
}

int keys_client(const struct keys_settings *settings)
{
	return add_of_kind(settings, KEYS_CLIENT);
}

/* ---- again ---- */

/* The certificate that is in the folder of the name. Returns NULL after saying what is wrong. */
static X509 *read_cert(const struct keys *keys, const char *name)
{
	char path[KEYS_PATH];
	struct blob blob;
	X509 *cert;

	path_in(path, name, "cert.pem");
	if (dir_read(&keys->dir, path, KEYS_PUBLIC, &blob) < 0)
		return NULL;
	cert = keys_cert_parse(&keys->ca, &blob);
	blob_free(&blob);
	if (!cert)
		dir_complain(&keys->dir, path, "this is not a certificate of the CA in %s/ca",
			     keys->dir.path);
	return cert;
}

/* Its row. Returns NULL after saying why it is not renewed. */
static const struct keys_row *row_to_renew(const struct keys *keys, const X509 *cert,
					   const char *name)
{
	const struct keys_row *row = NULL;
	char serial[KEYS_SERIAL];

	if (keys_cert_serial(cert, serial) == 0)
		row = index_by_serial(&keys->index, serial);
	if (!row || strcmp(row->name, name) != 0)
		dir_complain(&keys->dir, name, "the certificate in it was issued to %s%s%s",
			     row ? "'" : "", row ? row->name : "a name that is not in ca/index",
			     row ? "'" : "");
	else if (row->revoked)
		dir_complain(&keys->dir, name,
			     "it is revoked: move this folder away and add the name anew");
	else
		return row;
	return NULL;
}

static int replace(struct keys *keys, const struct keys_issued *issued)
{
	const char *name = issued->row.name;
	const struct keys_dir *dir = &keys->dir;

	if (write_common(keys, name) == 0 &&
	    dir_stage(dir, name, "key.pem", &issued->key, KEYS_SECRET) == 0 &&
	    dir_stage(dir, name, "cert.pem", &issued->cert, KEYS_PUBLIC) == 0 &&
	    put_in_index(keys, issued) == 0)
		return dir_commit_pair(dir, name, "key.pem", "cert.pem");
	dir_unstage(dir, name, "key.pem");
	dir_unstage(dir, name, "cert.pem");
	return -1;
}

static int renew(struct keys *keys, const X509 *cert)
{
	const struct keys_row *row = row_to_renew(keys, cert, keys->settings->name);
	struct keys_request request;
	struct keys_issued issued;
	int err;

	if (!row || begin_request(keys, row->kind, &request) < 0)
		return -1;
	request.names = keys_cert_names(cert);
	err = keys_issue(&keys->ca, &request, &issued);
	GENERAL_NAMES_free(request.names);
	if (err < 0)
		return -1;
	err = replace(keys, &issued);
	if (err == 0)
		say_issued(keys, &issued.row);
	keys_issued_free(&issued);
	return err;
}

int keys_renew(const struct keys_settings *settings)
{
	struct keys keys;
	X509 *cert = NULL;
	int err = open_keys(&keys, settings);

	if (err == 0 && !dir_has(&keys.dir, settings->name))
		err = dir_complain(&keys.dir, settings->name,
				   "no such folder: 'pyrite keys add' makes one");
	if (err == 0)
		cert = read_cert(&keys, settings->name);
	if (cert)
		err = renew(&keys, cert);
	X509_free(cert);
	close_keys(&keys);
	return code_of(cert ? err : -1);
}
