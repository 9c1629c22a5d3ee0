/* SPDX-License-Identifier: MIT */
/*
 * Calls gRPC services whose stubs were made of their .proto: imported-client MODE COMMAND URI
 * [ARGUMENT]. MODE: auto or plain. Prints what was answered.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "health.h"
#include "reflection.h"

static const char *const names[] = { "UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN" };

static int check(struct grpc_health_v1_Health *health, const char *service)
{
	struct grpc_health_v1_HealthCheckRequest request = { .service = service };
	struct grpc_health_v1_HealthCheckResponse *response;
	int err = grpc_health_v1_Health_Check(health, &request, &response);

	if (err < 0)
		return err;
	puts(names[response->status & 3]);
	pyr_free(response);
	return 0;
}

static int watch(struct grpc_health_v1_Health *health, const char *service)
{
	struct grpc_health_v1_HealthCheckRequest request = { .service = service };
	struct grpc_health_v1_HealthCheckResponse *response;
	pyr_stream *stream;
	int n = grpc_health_v1_Health_Watch(health, &request, &stream);

	if (n < 0)
		return n;
	while ((n = grpc_health_v1_Health_Watch_next(stream, &response)) > 0) {
		puts(names[response->status & 3]);
		fflush(stdout);
		pyr_free(response);
	}
	pyr_stream_free(stream);
	return n;
}

static int list(struct grpc_health_v1_Health *health)
{
	struct grpc_health_v1_HealthListRequest request = { 0 };
	struct grpc_health_v1_HealthListResponse *response;
	int err = grpc_health_v1_Health_List(health, &request, &response);
	size_t i;

	if (err < 0)
		return err;
	for (i = 0; i < response->statuses.n; i++)
		printf("'%s' %s\n", response->statuses.items[i].key,
		       names[response->statuses.items[i].value.status & 3]);
	pyr_free(response);
	return 0;
}

/* What is no message is refused before anything is sent. */
static int check_nothing(struct grpc_health_v1_Health *health)
{
	struct grpc_health_v1_HealthCheckRequest request = { .service = NULL };
	struct grpc_health_v1_HealthCheckResponse *response;

	if (grpc_health_v1_Health_Check(health, NULL, &response) == 0)
		return 0;
	puts(pyr_last_error()->message);
	return grpc_health_v1_Health_Check(health, &request, &response);
}

static int run_health(const char *command, const char *uri, const char *service,
		      const struct pyr_proxy_options *options)
{
	struct grpc_health_v1_Health *health = grpc_health_v1_Health_proxy_with(uri, options);
	int err = !health                           ? -1
		  : strcmp(command, "check") == 0   ? check(health, service)
		  : strcmp(command, "nothing") == 0 ? check_nothing(health)
		  : strcmp(command, "watch") == 0   ? watch(health, service)
						    : list(health);

	grpc_health_v1_Health_free(health);
	return err;
}

typedef struct grpc_reflection_v1_ServerReflectionRequest reflection_request;
typedef struct grpc_reflection_v1_ServerReflectionResponse reflection_response;

static void print_response(const reflection_response *response)
{
	size_t i;

	if (response->has_list_services_response)
		for (i = 0; i < response->list_services_response.service.n; i++)
			puts(response->list_services_response.service.items[i].name);
	if (response->has_file_descriptor_response)
		printf("%zu files\n", response->file_descriptor_response.file_descriptor_proto.n);
	if (response->has_error_response)
		printf("error %" PRId32 "\n", response->error_response.error_code);
}

/* The services, and what is known of a symbol: two questions on one stream. */
static int reflect(const char *uri, const char *symbol, const struct pyr_proxy_options *options)
{
	struct grpc_reflection_v1_ServerReflection *proxy =
		grpc_reflection_v1_ServerReflection_proxy_with(uri, options);
	reflection_request services = { .host = "",
					.has_list_services = true,
					.list_services = "" };
	reflection_request file = { .host = "",
				    .has_file_containing_symbol = true,
				    .file_containing_symbol = symbol };
	reflection_response *response;
	pyr_stream *stream = NULL;
	int n = proxy ? grpc_reflection_v1_ServerReflection_ServerReflectionInfo(proxy, &stream)
		      : -1;

	if (n == 0)
		n = grpc_reflection_v1_ServerReflection_ServerReflectionInfo_write(stream,
										   &services);
	if (n == 0)
		n = grpc_reflection_v1_ServerReflection_ServerReflectionInfo_write(stream, &file);
	if (n == 0)
		n = pyr_stream_end(stream);
	while (n == 0 && (n = grpc_reflection_v1_ServerReflection_ServerReflectionInfo_next(
				  stream, &response)) > 0) {
		print_response(response);
		pyr_free(response);
		n = 0;
	}
	pyr_stream_free(stream);
	grpc_reflection_v1_ServerReflection_free(proxy);
	return n;
}

int main(int argc, char *argv[])
{
	struct pyr_proxy_options options = { .timeout_ms = 20000 };
	int err;

	if (argc < 4)
		return 2;
	options.plain = strcmp(argv[1], "plain") == 0 ? PYR_PLAIN_ONLY : PYR_PLAIN_AUTO;
	err = strcmp(argv[2], "reflect") == 0
		      ? reflect(argv[3], argc > 4 ? argv[4] : "", &options)
		      : run_health(argv[2], argv[3], argc > 4 ? argv[4] : "", &options);
	if (err == 0)
		return 0;
	printf("%s: %s\n", pyr_status_name(pyr_last_error()->code), pyr_last_error()->message);
	return 1;
}
