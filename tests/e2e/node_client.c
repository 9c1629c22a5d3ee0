/* SPDX-License-Identifier: MIT */
/*
 * node-client URI N: passes N objects to the refs.Node there, which keeps the last, and takes N
 * that it makes; prints "ready", and waits to be killed. Ends with its standard input.
 * node-client URI pass: passes one, frees it, and prints how that failed and whether the object was
 * released while the proxy is still there.
 */
#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct refs_Node *made; /* the last one */

static int exchange(struct refs_Node *server, struct node *mine)
{
	struct refs_Node *object = refs_Node_object(NULL, &node_methods, mine, NULL);

	if (!object || refs_Node_keep(server, object) < 0 || refs_Node_make(server, "", &made) < 0)
		return pyr_perror("node-client");
	refs_Node_free(object);
	return 0; /* what was made stays with this process */
}

static int pass(struct refs_Node *server, struct node *mine)
{
	struct refs_Node *object = refs_Node_object(NULL, &node_methods, mine, node_released);
	int err = refs_Node_keep(server, object);

	printf("%s %s\n", err < 0 ? pyr_status_name(-err) : "OK", pyr_errmsg());
	refs_Node_free(object);
	printf("%s\n", node_reaches(&mine->n_released, 1) ? "released" : "kept");
	refs_Node_free(server);
	return 0;
}

int main(int argc, char **argv)
{
	struct refs_Node *server = argc == 3 ? refs_Node_proxy(argv[1]) : NULL;
	static struct node mine;
	char byte;
	int i;

	if (!server)
		return 2;
	node_init(&mine, "other");
	if (strcmp(argv[2], "pass") == 0)
		return pass(server, &mine);
	for (i = 0; i < atoi(argv[2]); i++)
		if (exchange(server, &mine) != 0)
			return 1;
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	refs_Node_free(made); /* is given back while the process ends */
	return 0;
}
