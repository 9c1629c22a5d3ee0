/* SPDX-License-Identifier: MIT */
/* The table of a door's connections; why it works as it does stands in the header. */
#include "door/door_links.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define RESERVED_FDS 16
#define LINKS_MIN    8
#define LINKS_MAX    1000000

int door_link_fd(const struct door_link *link)
{
	return (int)(link->peer.id & DOOR_FD_MAX);
}

static bool is_same_file(int fd, const struct door_link *link)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == link->ino && st.st_dev == link->dev;
}

static bool make_room(struct door_links *links, int fd)
{
	size_t size = links->size ? links->size : 64;
	struct door_link **by_fd;

	while (size <= (size_t)fd)
		size *= 2;
	if (size == links->size)
		return true;
	by_fd = realloc(links->by_fd, size * sizeof(*by_fd));
	if (!by_fd)
		return false;
	memset(by_fd + links->size, 0, (size - links->size) * sizeof(*by_fd));
	links->by_fd = by_fd;
	links->size = size;
	return true;
}

struct door_link *door_links_add(struct door_links *links, int fd)
{
	struct door_link *link;
	struct stat st;

	if (fd > DOOR_FD_MAX || !make_room(links, fd) || fstat(fd, &st) < 0)
		return NULL;
	link = calloc(1, sizeof(*link));
	if (!link)
		return NULL;
	if (links->by_fd[fd]) /* the number is new: whoever had it is gone */
		door_links_remove(links, links->by_fd[fd]);
	link->peer.id = ++links->serial << DOOR_FD_BITS | (unsigned)fd;
	link->dev = st.st_dev;
	link->ino = st.st_ino;
	link->waiting = true;
	link->previous = links->last;
	*(links->last ? &links->last->next : &links->first) = link;
	links->last = link;
	links->by_fd[fd] = link;
	links->count++;
	return link;
}

struct door_link *door_links_find(struct door_links *links, uint64_t id)
{
	size_t fd = id & DOOR_FD_MAX;
	struct door_link *link = fd < links->size ? links->by_fd[fd] : NULL;

	return link && link->peer.id == id ? link : NULL;
}

struct door_link *door_links_at(struct door_links *links, int fd)
{
	struct door_link *link = NULL;

	if (fd >= 0 && (size_t)fd < links->size)
		link = links->by_fd[fd];
	return link && is_same_file(fd, link) ? link : NULL;
}

void door_links_settle(struct door_links *links, struct door_link *link)
{
	*(link->previous ? &link->previous->next : &links->first) = link->next;
	*(link->next ? &link->next->previous : &links->last) = link->previous;
	link->previous = link->next = NULL;
	link->waiting = false;
}

void door_links_remove(struct door_links *links, struct door_link *link)
{
	if (link->waiting)
		door_links_settle(links, link);
	links->by_fd[door_link_fd(link)] = NULL;
	links->count--;
	free(link);
}

void door_links_sweep(struct door_links *links)
{
	size_t fd;

	for (fd = 0; fd < links->size; fd++) {
		struct door_link *link = links->by_fd[fd];

		if (link && !link->waiting && !is_same_file((int)fd, link))
			door_links_remove(links, link);
	}
}

void door_links_clear(struct door_links *links)
{
	size_t fd;

	for (fd = 0; fd < links->size; fd++)
		free(links->by_fd[fd]);
	free(links->by_fd);
	memset(links, 0, sizeof(*links));
}

int door_spare_open(void)
{
	return file_open("/dev/null", O_RDONLY | O_CLOEXEC, 0);
}

/* Core may close the descriptor at any moment, and another thread may get its number. A dup pins
 * whatever it is now, so that it can be looked at and then shut down with nothing in between. */
bool door_link_shutdown(const struct door_link *link, int *spare)
{
	int fd = door_link_fd(link);
	int pinned = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	bool done, is_spared = false;

	if (pinned < 0 && errno == EMFILE && *spare >= 0) {
		close(*spare);
		is_spared = true;
		pinned = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
	done = pinned >= 0 && is_same_file(pinned, link) && shutdown(pinned, SHUT_RDWR) == 0;
	if (pinned >= 0)
		close(pinned);
	if (is_spared)
		*spare = door_spare_open();
	return done;
}

static unsigned fds_in_use(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!dir)
		return RESERVED_FDS;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n > 3 ? n - 3 : 0; /* ".", ".." and the folder itself */
}

unsigned door_links_default_max(void)
{
	struct rlimit limit;
	rlim_t taken = fds_in_use() + RESERVED_FDS;
	rlim_t n;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= taken)
		return LINKS_MIN;
	n = (limit.rlim_cur - taken) / 2;
	if (n > LINKS_MAX)
		return LINKS_MAX;
	return n < LINKS_MIN ? LINKS_MIN : (unsigned)n;
}
