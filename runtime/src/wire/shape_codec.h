/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SHAPE_CODEC_H
#define PYRITE_SHAPE_CODEC_H
/* How a shape travels, message Shape of link.proto: for the codec. */
#include <pyrite/gen.h>

extern const struct pyr__type shape_codec_type;
#endif
