/* SPDX-License-Identifier: MIT */
/*
 * Whom a certificate names: the first URI among its alternative names (a SPIFFE id is one), else
 * the common name, else the first DNS name. What could be taken for something else on a terminal,
 * in a log or in rules is refused.
 */
#include "tls/tls_own.h"

#include <openssl/x509v3.h>

#include <stdio.h>
#include <string.h>

#define PREFIX "cert:"

static bool is_plain(const unsigned char *p, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	return n > 0;
}

/* Returns NULL, or why not. */
static const char *write_name(const ASN1_STRING *name, char ret[TLS_IDENTITY_MAX])
{
	unsigned char *utf8 = NULL;
	const char *why = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, name);

	if (n < 0)
		return "its name is not readable";
	if (!is_plain(utf8, n))
		why = "its name has characters other than the printable ones of ASCII";
	else if ((size_t)n > TLS_IDENTITY_MAX - sizeof(PREFIX))
		why = "its name is too long";
	else
		snprintf(ret, TLS_IDENTITY_MAX, PREFIX "%.*s", n, (const char *)utf8);
	OPENSSL_free(utf8);
	return why;
}

/* The first alternative name of this type; NULL if there is none. */
static const ASN1_STRING *alternative(const GENERAL_NAMES *names, int type)
{
	const GENERAL_NAME *name;
	int i;

	for (i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type == type)
			return name->d.ia5; /* URI and DNS are both of this type */
	}
	return NULL;
}

static const ASN1_STRING *common_name(const X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID((X509_NAME *)subject, NID_commonName, -1);

	return at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
}

const char *tls_identity_of(const X509 *cert, char ret[TLS_IDENTITY_MAX])
{
	GENERAL_NAMES *names = X509_get_ext_d2i((X509 *)cert, NID_subject_alt_name, NULL, NULL);
	const ASN1_STRING *name = alternative(names, GEN_URI);
	const char *why;

	if (!name)
		name = common_name(cert);
	if (!name)
		name = alternative(names, GEN_DNS);
	why = name ? write_name(name, ret) : "it has no name";
	GENERAL_NAMES_free(names);
	return why;
}
