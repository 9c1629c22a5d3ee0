/* SPDX-License-Identifier: MIT */
/* sample-chat-client NAME: says what it reads, prints what it hears. */
#include <stdio.h>
#include <string.h>

#include "chat.h"

static int heard(pyr_call *call, const char *who, const char *text)
{
	(void)call;
	printf("%s: %s\n", who, text);
	fflush(stdout);
	return 0;
}

static const struct chat_Listener_methods methods = { .heard = heard };

static int talk(struct chat_Seat *seat)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (chat_Seat_say(seat, line) < 0)
			return pyr_perror("say");
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct chat_Room *room = chat_Room_proxy("PYRONAME:example.chat");
	struct chat_Listener *me = chat_Listener_object(NULL, &methods, NULL, NULL);
	struct chat_Seat *seat = NULL;
	int failed;

	if (argc != 2) {
		fprintf(stderr, "usage: sample-chat-client NAME\n");
		return 2;
	}
	if (chat_Room_join(room, argv[1], me, &seat) == 0)
		failed = talk(seat);
	else if (chat_Taken_caught())
		failed = fprintf(stderr, "There is a %s already\n", chat_Taken_caught()->name) > 0;
	else
		failed = pyr_perror("join");
	chat_Seat_free(seat);
	chat_Listener_free(me);
	chat_Room_free(room);
	return failed;
}
