/* SPDX-License-Identifier: MIT */
#include "naming/naming_inet.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/config.h"

bool naming_inet_read(const char *text, uint16_t default_port, struct sockaddr_in *ret)
{
	static const struct config_setting port = { .kind = CONFIG_NUMBER, .min = 1, .max = 65535 };
	struct sockaddr_in at = { .sin_family = AF_INET };
	size_t n = strcspn(text, ":");
	uint32_t number = default_port;
	char host[INET_ADDRSTRLEN];

	if (n >= sizeof(host) || (text[n] && !config_parse(&port, text + n + 1, &number)))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &at.sin_addr) != 1)
		return false;
	at.sin_port = htons((uint16_t)number);
	*ret = at;
	return true;
}
