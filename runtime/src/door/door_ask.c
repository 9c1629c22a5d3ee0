/* SPDX-License-Identifier: MIT */
/* What others ask of a door, and its cutting one connection. Any thread. */
#include "door/door_own.h"

const char *door_address(const struct door *door)
{
	return door->listeners.address;
}

uint16_t door_port(const struct door *door)
{
	return door->listeners.port;
}

bool door_peer_of(struct door *door, int fd, struct door_peer *ret)
{
	struct door_link *link;

	pthread_mutex_lock(&door->lock);
	link = door_links_at(&door->links, fd);
	if (link)
		*ret = link->peer;
	pthread_mutex_unlock(&door->lock);
	return link;
}

bool door_is_open(struct door *door, uint64_t id)
{
	struct door_peer peer;

	return door_peer_of(door, (int)(id & DOOR_FD_MAX), &peer) && peer.id == id;
}

unsigned door_count(struct door *door)
{
	unsigned n;

	pthread_mutex_lock(&door->lock);
	door_links_sweep(&door->links);
	n = door->links.count;
	pthread_mutex_unlock(&door->lock);
	return n;
}

bool door_cut(struct door *door, uint64_t id)
{
	struct door_link *link;
	bool done;

	pthread_mutex_lock(&door->lock);
	link = door_links_find(&door->links, id);
	done = link && door_link_shutdown(link, &door->spare);
	pthread_mutex_unlock(&door->lock);
	return done;
}
