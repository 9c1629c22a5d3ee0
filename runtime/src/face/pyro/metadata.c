/* SPDX-License-Identifier: MIT */
/* What Pyro's clients know of an object: names of its methods, of those that are oneway, and of its
 * attributes. */
#include <string.h>

#include "face/pyro/adapter.h"

enum { PREFIX = 4 }; /* "get_", "set_" */

/* Of "example.Server.add". */
static const char *short_name(const struct pyr__operation *operation)
{
	const char *dot = strrchr(operation->name, '.');

	return dot ? dot + 1 : operation->name;
}

static bool has_method(const struct pyr__interface *interface, const char *name)
{
	uint32_t i;

	for (i = 0; i < interface->n_operations; i++)
		if (strcmp(short_name(&interface->operations[i]), name) == 0)
			return true;
	return false;
}

/* The attribute that the operation reads, NULL if it does not. A method goes before an attribute of
 * the same name. */
static const char *attribute_of(const struct pyr__interface *interface,
				const struct pyr__operation *operation)
{
	const char *name = short_name(operation);

	if (strncmp(name, "get_", PREFIX) != 0 || !name[PREFIX] || operation->n_in != 0 ||
	    operation->n_out != 1 || (operation->flags & (PYR__STREAM_IN | PYR__STREAM_OUT)) ||
	    has_method(interface, name + PREFIX))
		return NULL;
	return name + PREFIX;
}

static void put_names(struct ser_sink *sink, const struct pyr__interface *interface, bool is_oneway)
{
	const struct pyr__operation *operation;
	uint32_t i;

	for (i = 0; i < interface->n_operations; i++) {
		operation = &interface->operations[i];
		if (!is_oneway || (operation->flags & PYR__ONEWAY))
			ser_put_text(sink, short_name(operation));
	}
}

static void begin(struct ser_sink *sink, const char *name)
{
	ser_put_member(sink, name);
	sink->sink.kind->array(&sink->sink);
}

static void put_attributes(struct ser_sink *sink, const struct pyr__interface *interface)
{
	const char *attribute;
	uint32_t i;

	for (i = 0; i < interface->n_operations; i++)
		if ((attribute = attribute_of(interface, &interface->operations[i])) != NULL)
			ser_put_text(sink, attribute);
}

static void put_methods(struct ser_sink *sink, const struct pyro_adapter *adapter)
{
	const struct adapter_method *method;

	for (method = adapter->methods; method->name; method++)
		ser_put_text(sink, method->name);
}

void metadata_put(struct ser_sink *sink, const struct pyro_adapter *adapter,
		  const struct pyr__interface *interface)
{
	sink->sink.kind->object(&sink->sink);
	begin(sink, "methods");
	if (adapter)
		put_methods(sink, adapter);
	else
		put_names(sink, interface, false);
	sink->sink.kind->array_end(&sink->sink);
	begin(sink, "oneway");
	if (!adapter)
		put_names(sink, interface, true);
	sink->sink.kind->array_end(&sink->sink);
	begin(sink, "attrs");
	if (!adapter)
		put_attributes(sink, interface);
	sink->sink.kind->array_end(&sink->sink);
	sink->sink.kind->object_end(&sink->sink);
}
