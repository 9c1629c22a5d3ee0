/* SPDX-License-Identifier: MIT */
#include "keys_ca.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { SERIAL_BYTES = 16 };

int keys_complain(const char *what)
{
	unsigned long error = ERR_peek_last_error();
	const char *why = error ? ERR_reason_error_string(error) : NULL;

	fprintf(stderr, "pyrite keys: cannot %s: %s\n", what, why ? why : "out of memory");
	return -1;
}

/* ---- PEM ---- */

/* What is in the memory, which is wiped and freed. */
static int take(BIO *memory, bool is_written, const char *what, struct blob *ret)
{
	char *data;
	long n = memory ? BIO_get_mem_data(memory, &data) : 0;
	int err = is_written && n > 0 ? blob_set(ret, data, (size_t)n) : keys_complain(what);

	BIO_free(memory);
	return err;
}

static int print_cert(X509 *cert, struct blob *ret)
{
	BIO *memory = BIO_new(BIO_s_mem());

	return take(memory, memory && PEM_write_bio_X509(memory, cert), "print a certificate", ret);
}

static int print_key(const EVP_PKEY *key, struct blob *ret)
{
	BIO *memory = BIO_new(BIO_s_secmem());

	return take(memory,
		    memory && PEM_write_bio_PKCS8PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL),
		    "print a key", ret);
}

static BIO *reader(const struct blob *blob)
{
	return BIO_new_mem_buf(blob->data, (int)blob->n);
}

/* A key with a passphrase is refused, not asked for at the terminal. */
static int no_passphrase(char *buffer, int size, int is_write, void *data)
{
	(void)buffer, (void)size, (void)is_write, (void)data;
	return -1;
}

/* ---- what all certificates have ---- */

static EVP_PKEY *make_key(bool is_ed25519)
{
	return is_ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_EC_gen("P-256");
}

const EVP_MD *keys_digest(const EVP_PKEY *key)
{
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
}

static void print_hex(const unsigned char *bytes, char ret[KEYS_SERIAL])
{
	int i;

	for (i = 0; i < SERIAL_BYTES; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

static bool make_serial(ASN1_INTEGER *ret, char ret_text[KEYS_SERIAL])
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *number;
	bool ok;

	if (RAND_bytes(bytes, SERIAL_BYTES) != 1)
		return false;
	bytes[0] = (bytes[0] & 0x7f) | 0x40; /* so that no tool drops or adds a leading zero */
	number = BN_bin2bn(bytes, SERIAL_BYTES, NULL);
	ok = number && BN_to_ASN1_INTEGER(number, ret);
	BN_free(number);
	print_hex(bytes, ret_text);
	return ok;
}

static bool set_time(ASN1_TIME *ret, time_t time)
{
	return ret && ASN1_TIME_set(ret, time);
}

/* names_check() has seen the name. OpenSSL would have it no longer than 64 bytes, as X.520. */
static bool set_name(X509 *cert, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING,
					  (const unsigned char *)name, (int)strlen(name), -1, 0);
}

/* value: as in OpenSSL's configuration, a constant of this file */
static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	bool ok;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	ok = extension && X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return ok;
}

/* A certificate without a name and extensions. Returns NULL if memory is out. */
static X509 *begin(EVP_PKEY *key, time_t now, time_t not_after, char ret_serial[KEYS_SERIAL])
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) &&
	    make_serial(X509_get_serialNumber(cert), ret_serial) &&
	    set_time(X509_getm_notBefore(cert), now - KEYS_BACK_S) &&
	    set_time(X509_getm_notAfter(cert), not_after) && X509_set_pubkey(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

/* ---- the CA ---- */

static bool finish_ca(X509 *cert, EVP_PKEY *key, const char *serial)
{
	char name[32];

	/* A name of its own: programs that have seen two CAs tell them apart. */
	snprintf(name, sizeof(name), "Pyrite CA %.8s", serial);
	return set_name(cert, name) && X509_set_issuer_name(cert, X509_get_subject_name(cert)) &&
	       add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	       add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	       add_extension(cert, cert, NID_subject_key_identifier, "hash") &&
	       X509_sign(cert, key, keys_digest(key)) > 0;
}

int keys_ca_make(struct keys_ca *ret, const char *type, time_t now, time_t not_after)
{
	char serial[KEYS_SERIAL];

	ret->key = make_key(strcmp(type, "ed25519") == 0);
	ret->cert = ret->key ? begin(ret->key, now, not_after, serial) : NULL;
	if (ret->cert && finish_ca(ret->cert, ret->key, serial))
		return 0;
	keys_ca_free(ret);
	return keys_complain("make a CA");
}

int keys_ca_parse(struct keys_ca *ret, const struct blob *cert, const struct blob *key)
{
	BIO *memory = reader(cert);

	ret->cert = memory ? PEM_read_bio_X509(memory, NULL, no_passphrase, NULL) : NULL;
	BIO_free(memory);
	if (!ret->cert)
		return keys_complain("read the CA's certificate");
	if (!key)
		return 0;
	memory = reader(key);
	ret->key = memory ? PEM_read_bio_PrivateKey(memory, NULL, no_passphrase, NULL) : NULL;
	BIO_free(memory);
	if (ret->key && X509_check_private_key(ret->cert, ret->key))
		return 0;
	return keys_complain(ret->key ? "use the CA's key" : "read the CA's key");
}

void keys_ca_free(struct keys_ca *ca)
{
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key); /* which wipes it */
	*ca = (struct keys_ca){ 0 };
}

time_t keys_ca_not_after(const struct keys_ca *ca)
{
	struct tm parts;

	return ASN1_TIME_to_tm(X509_get0_notAfter(ca->cert), &parts) ? timegm(&parts) : 0;
}

int keys_ca_print(const struct keys_ca *ca, struct blob *ret_cert, struct blob *ret_key)
{
	return print_cert(ca->cert, ret_cert) < 0 ? -1 : print_key(ca->key, ret_key);
}

/* ---- what it signs ---- */

static bool finish(X509 *cert, const struct keys_ca *ca, const struct keys_request *request)
{
	const char *usage = request->kind == KEYS_CLIENT ? "clientAuth" : "serverAuth,clientAuth";
	bool has_names = request->names && sk_GENERAL_NAME_num(request->names) > 0;

	return set_name(cert, request->name) &&
	       X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) &&
	       add_extension(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(cert, ca->cert, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(cert, ca->cert, NID_ext_key_usage, usage) &&
	       add_extension(cert, ca->cert, NID_subject_key_identifier, "hash") &&
	       add_extension(cert, ca->cert, NID_authority_key_identifier, "keyid:always") &&
	       (!has_names || X509_add1_ext_i2d(cert, NID_subject_alt_name, request->names, 0,
						X509V3_ADD_DEFAULT) > 0) &&
	       X509_sign(cert, ca->key, keys_digest(ca->key)) > 0;
}

int keys_issue(const struct keys_ca *ca, const struct keys_request *request,
	       struct keys_issued *ret)
{
	EVP_PKEY *key = make_key(EVP_PKEY_get_base_id(ca->key) == EVP_PKEY_ED25519);
	struct keys_row *row = &ret->row;
	X509 *cert = NULL;
	int err = -1;

	*ret = (struct keys_issued){ .row = { .kind = request->kind,
					      .not_after = request->not_after } };
	snprintf(row->name, sizeof(row->name), "%s", request->name);
	if (key)
		cert = begin(key, request->now, request->not_after, row->serial);
	if (!cert || !finish(cert, ca, request))
		keys_complain("make a certificate");
	else if (print_cert(cert, &ret->cert) == 0 && print_key(key, &ret->key) == 0)
		err = 0;
	if (err < 0)
		keys_issued_free(ret);
	X509_free(cert);
	EVP_PKEY_free(key);
	return err;
}

void keys_issued_free(struct keys_issued *issued)
{
	blob_free(&issued->cert);
	blob_free(&issued->key);
}

X509 *keys_cert_parse(const struct keys_ca *ca, const struct blob *cert)
{
	BIO *memory = reader(cert);
	X509 *ret = memory ? PEM_read_bio_X509(memory, NULL, no_passphrase, NULL) : NULL;

	BIO_free(memory);
	if (ret && X509_verify(ret, X509_get0_pubkey(ca->cert)) == 1)
		return ret;
	X509_free(ret);
	return NULL;
}

int keys_cert_serial(const X509 *cert, char ret[KEYS_SERIAL])
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	unsigned char bytes[SERIAL_BYTES];
	int n = number ? BN_bn2binpad(number, bytes, SERIAL_BYTES) : -1;

	BN_free(number);
	if (n < 0)
		return -1;
	print_hex(bytes, ret);
	return 0;
}

GENERAL_NAMES *keys_cert_names(const X509 *cert)
{
	return X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
}
