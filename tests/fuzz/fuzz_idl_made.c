/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: the bytes decide what idl_make.c writes, so that nearly every input reaches
 * the checks and the emitters.
 */
#include <stdio.h>
#include <unistd.h>

#include "idl_make.h"
#include "idl_through.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char paths[MAKE_FILES][80];
	struct make make = { .data = data, .n_data = n };
	struct idl_unit *unit;
	size_t i;

	if (!through_made)
		(void)through_folder();
	make_idl(&make);
	for (i = 0; i < MAKE_FILES; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", through_made, make_names[i]);
		through_write(paths[i], make.texts[i], strlen(make.texts[i]));
	}
	make_free(&make);
	unit = through_front(paths[0], through_made, NULL);
	if (unit)
		through_emitters(unit);
	idl_unit_free(unit);
	return 0;
}
