/* SPDX-License-Identifier: MIT */
/*
 * The list of revoked certificates. It is made of the index each time, and its number is one more
 * than how many it has: lists only grow, so a later one has a larger number, and an older list than
 * the index is known by its number.
 */
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "keys_ca.h"

static bool add_number(X509_CRL *crl, size_t number)
{
	ASN1_INTEGER *value = ASN1_INTEGER_new();
	bool ok = value && ASN1_INTEGER_set_uint64(value, number) &&
		  X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, X509V3_ADD_DEFAULT) > 0;

	ASN1_INTEGER_free(value);
	return ok;
}

static bool add_issuer(X509_CRL *crl, X509 *issuer)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	bool ok;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, NULL, NULL, crl, 0);
	extension =
		X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
	ok = extension && X509_CRL_add_ext(crl, extension, -1);
	X509_EXTENSION_free(extension);
	return ok;
}

static bool set_serial(X509_REVOKED *revoked, const char *text)
{
	ASN1_INTEGER *serial = NULL;
	BIGNUM *number = NULL;
	bool ok = BN_hex2bn(&number, text) > 0 && (serial = BN_to_ASN1_INTEGER(number, NULL)) &&
		  X509_REVOKED_set_serialNumber(revoked, serial);

	ASN1_INTEGER_free(serial);
	BN_free(number);
	return ok;
}

static bool add_revoked(X509_CRL *crl, const struct keys_row *row)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, row->revoked);
	bool ok = revoked && when && set_serial(revoked, row->serial) &&
		  X509_REVOKED_set_revocationDate(revoked, when) &&
		  X509_CRL_add0_revoked(crl, revoked);

	if (!ok)
		X509_REVOKED_free(revoked);
	ASN1_TIME_free(when);
	return ok;
}

/* It is good as long as the CA: nobody has to make another unless something is revoked. */
static bool fill(X509_CRL *crl, const struct keys_ca *ca, const struct keys_index *index,
		 time_t now)
{
	ASN1_TIME *update = ASN1_TIME_set(NULL, now - KEYS_BACK_S);
	bool ok = update && X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
		  X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert)) &&
		  X509_CRL_set1_lastUpdate(crl, update) &&
		  X509_CRL_set1_nextUpdate(crl, X509_get0_notAfter(ca->cert));
	size_t i;

	for (i = 0; i < index->n && ok; i++)
		if (index->rows[i].revoked)
			ok = add_revoked(crl, &index->rows[i]);
	ASN1_TIME_free(update);
	return ok && add_issuer(crl, ca->cert) && add_number(crl, index_n_revoked(index) + 1) &&
	       X509_CRL_sort(crl) && X509_CRL_sign(crl, ca->key, keys_digest(ca->key)) > 0;
}

int keys_crl_make(const struct keys_ca *ca, const struct keys_index *index, time_t now,
		  struct blob *ret)
{
	X509_CRL *crl = X509_CRL_new();
	BIO *memory = BIO_new(BIO_s_mem());
	int err = -1;
	char *data;
	long n;

	if (crl && memory && fill(crl, ca, index, now) && PEM_write_bio_X509_CRL(memory, crl)) {
		n = BIO_get_mem_data(memory, &data);
		err = blob_set(ret, data, (size_t)n);
	} else {
		keys_complain("make the list of revoked certificates");
	}
	BIO_free(memory);
	X509_CRL_free(crl);
	return err;
}

bool keys_crl_is_complete(const struct blob *blob, const struct keys_index *index)
{
	BIO *memory = BIO_new_mem_buf(blob->data, (int)blob->n);
	X509_CRL *crl = memory ? PEM_read_bio_X509_CRL(memory, NULL, NULL, NULL) : NULL;
	ASN1_INTEGER *number = crl ? X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL) : NULL;
	uint64_t value = 0;
	bool ok = number && ASN1_INTEGER_get_uint64(&value, number) &&
		  value == index_n_revoked(index) + 1;

	ASN1_INTEGER_free(number);
	X509_CRL_free(crl);
	BIO_free(memory);
	return ok;
}
