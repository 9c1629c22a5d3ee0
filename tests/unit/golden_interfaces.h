/* SPDX-License-Identifier: MIT */
#ifndef GOLDEN_INTERFACES_H
#define GOLDEN_INTERFACES_H
#include <pyrite/gen.h>

/* All of tests/golden. */
extern const struct pyr__interface Bare_interface, Server_interface, a_b_Use_interface,
	arrays_Boards_interface, attrs_Device_interface, bank_Account_interface,
	bank_Bank_interface, base_More_interface, base_Shape_interface, consts_Limits_interface,
	docs_Gone_interface, docs_Thing_interface, enums_Palette_interface, events_Sink_interface,
	example_Server_interface, io_Mixer_interface, maps_Index_interface, msg_Table_interface,
	names2_Heir_interface, names2_Server_interface, names2_proxy_interface,
	names2_pyr_interface, names_A_interface, names_Server_interface, names_optional_interface,
	nested_Algebra_interface, oneofs_Canvas_interface, opt_Store_interface,
	refs_Account_interface, refs_Bank_interface, scalars_Echo_interface, seqs_Paths_interface,
	shapes_Circle_interface, shapes_inner_Diver_interface, streams_Feed_interface,
	streams_Wide_interface, structs_Canvas_interface, text_Notes_interface,
	tree_Walker_interface, types_Registries_interface, types_Registry_interface,
	unions_Box_interface, zoo_Animal_interface, zoo_Bird_interface, zoo_Fish_interface,
	zoo_FlyingFish_interface, zoo_JustFish_interface, zoo_Nothing_interface;

static const struct pyr__interface *const interfaces[] = {
	&Bare_interface,           &Server_interface,
	&a_b_Use_interface,        &arrays_Boards_interface,
	&attrs_Device_interface,   &bank_Account_interface,
	&bank_Bank_interface,      &base_More_interface,
	&base_Shape_interface,     &consts_Limits_interface,
	&docs_Gone_interface,      &docs_Thing_interface,
	&enums_Palette_interface,  &events_Sink_interface,
	&example_Server_interface, &io_Mixer_interface,
	&maps_Index_interface,     &msg_Table_interface,
	&names2_Heir_interface,    &names2_Server_interface,
	&names2_proxy_interface,   &names2_pyr_interface,
	&names_A_interface,        &names_Server_interface,
	&names_optional_interface, &nested_Algebra_interface,
	&oneofs_Canvas_interface,  &opt_Store_interface,
	&refs_Account_interface,   &refs_Bank_interface,
	&scalars_Echo_interface,   &seqs_Paths_interface,
	&shapes_Circle_interface,  &shapes_inner_Diver_interface,
	&streams_Feed_interface,   &streams_Wide_interface,
	&structs_Canvas_interface, &text_Notes_interface,
	&tree_Walker_interface,    &types_Registries_interface,
	&types_Registry_interface, &unions_Box_interface,
	&zoo_Animal_interface,     &zoo_Bird_interface,
	&zoo_Fish_interface,       &zoo_FlyingFish_interface,
	&zoo_JustFish_interface,   &zoo_Nothing_interface
};
enum { N_INTERFACES = sizeof(interfaces) / sizeof(interfaces[0]) };
#endif
