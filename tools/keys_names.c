/* SPDX-License-Identifier: MIT */
#include "keys_names.h"

#include <openssl/asn1.h>
#include <stdbool.h>
#include <string.h>

enum { MAX_URI = 2048, MAX_HOST = 253, MAX_LABEL = 63 };

/* Unicode's Cc, its line separators, and its Bidi_Control: what moves a terminal's cursor or turns
 * the direction of writing. */
static bool is_dangerous(unsigned long c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

const char *names_check_issued(const char *name)
{
	size_t n = strlen(name);
	unsigned long c;
	int step;

	if (n == 0 || n > KEYS_NAME_BYTES)
		return "a name has 1 to 200 bytes";
	if (strcmp(name, "ca") == 0)
		return "the CA's own folder has this name";
	if (name[0] == '.' || name[0] == '-')
		return "a name does not begin with '.' or '-'";
	if (strchr(name, '/'))
		return "a name is that of a folder and has no '/'";
	for (; n > 0; name += step, n -= (size_t)step) {
		step = UTF8_getc((const unsigned char *)name, (int)n, &c);
		if (step <= 0)
			return "a name is UTF-8";
		if (is_dangerous(c))
			return "a name has no control characters";
	}
	return NULL;
}

/* As tls_identity.c has it: a daemon refuses a certificate whose name has other characters. */
const char *names_check(const char *name)
{
	const char *wrong = names_check_issued(name);

	for (; !wrong && *name; name++)
		if (*name < 0x20 || *name > 0x7e)
			wrong = "a name has printable ASCII characters only, because daemons "
				"refuse certificates with others";
	return wrong;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One part of a host name, which is n long. */
static bool is_label(const char *label, size_t n)
{
	size_t i;

	if (n == 0 || n > MAX_LABEL || label[0] == '-' || label[n - 1] == '-')
		return false;
	for (i = 0; i < n; i++)
		if (!is_letter(label[i]) && !is_digit(label[i]) && label[i] != '-' &&
		    label[i] != '_')
			return false;
	return true;
}

static bool is_address(const char *host)
{
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);

	ASN1_OCTET_STRING_free(address);
	return address;
}

const char *names_check_host(const char *host)
{
	static const char wrong[] = "a host is a DNS name, *.DNS name or IP address";
	const char *label = strncmp(host, "*.", 2) == 0 ? host + 2 : host;
	size_t n;

	if (is_address(host))
		return NULL;
	if (strlen(host) > MAX_HOST)
		return wrong;
	for (;; label += n + 1) {
		n = strcspn(label, ".");
		if (!is_label(label, n))
			return wrong;
		if (!label[n])
			break;
	}
	/* No top-level domain is a number: this is an address that is none, as 10.0.0.256. */
	return strspn(label, "0123456789") == n ? wrong : NULL;
}

const char *names_check_uri(const char *uri)
{
	static const char wrong[] = "a URI is like spiffe://example.org/service, in ASCII";
	const char *c = uri;

	if (!is_letter(*c) || strlen(uri) > MAX_URI)
		return wrong;
	while (is_letter(*c) || is_digit(*c) || *c == '+' || *c == '-' || *c == '.')
		c++;
	if (*c++ != ':' || !*c)
		return wrong;
	for (; *c; c++)
		if (*c <= ' ' || *c > '~')
			return wrong;
	return NULL;
}

/* value is taken. */
static int add(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
	GENERAL_NAME *name = value ? GENERAL_NAME_new() : NULL;

	if (!name) {
		ASN1_STRING_free(value);
		return -1;
	}
	GENERAL_NAME_set0_value(name, type, value);
	if (sk_GENERAL_NAME_push(names, name))
		return 0;
	GENERAL_NAME_free(name);
	return -1;
}

static ASN1_STRING *text_of(const char *text)
{
	ASN1_STRING *ret = ASN1_STRING_type_new(V_ASN1_IA5STRING);

	if (ret && ASN1_STRING_set(ret, text, -1))
		return ret;
	ASN1_STRING_free(ret);
	return NULL;
}

GENERAL_NAMES *names_make(const char *const *hosts, int n_hosts, const char *uri)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	int i, err = names ? 0 : -1;

	for (i = 0; i < n_hosts && err == 0; i++)
		err = is_address(hosts[i]) ? add(names, GEN_IPADD, a2i_IPADDRESS(hosts[i]))
					   : add(names, GEN_DNS, text_of(hosts[i]));
	if (uri && err == 0)
		err = add(names, GEN_URI, text_of(uri));
	if (err == 0)
		return names;
	GENERAL_NAMES_free(names);
	return NULL;
}
