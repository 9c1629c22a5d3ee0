/* SPDX-License-Identifier: MIT */
/* The door on a unix socket: who owns the path, what is in its way, who knocks. */
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "door_visit.h"

#include <pyrite/pyrite.h>

static char folder[] = "/tmp/pyrite-door-XXXXXX";
static char path[64], lock[80];
static int fds_before;

enum { TURNS = 50 /* of each process that wants the path */ };

static struct door *begin(struct guests *guests)
{
	fds_before = test_open_fds();
	return open_door(guests, (struct door_options){ .socket = path });
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

/* The path is as free as before. */
static void end(struct door *door, struct guests *guests)
{
	door_free(door);
	guests_leave(guests);
	CHECK(!exists(path));
	CHECK(!exists(lock));
	CHECK_INT(test_open_fds(), fds_before);
}

static struct door_problem refused(void)
{
	return refused_door((struct door_options){ .socket = path });
}

TEST(a_guest_comes_with_his_credentials)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests);
	char address[80];
	int fd = unix_socket(path, false);

	snprintf(address, sizeof(address), "./u:%s", path);
	CHECK_STR(door_address(door), address);
	CHECK_INT(door_port(door), 0);
	say(fd, PREFACE);
	REQUIRE(guests_wait(&guests, 1));
	CHECK_STR(guests.peers[0].address, address);
	CHECK(guests.peers[0].is_local);
	CHECK(guests.peers[0].has_credentials);
	CHECK_INT(guests.peers[0].uid, geteuid());
	CHECK_INT(guests.peers[0].gid, getegid());
	CHECK_INT(guests.peers[0].pid, getpid());
	CHECK(door_cut(door, guests.peers[0].id));
	CHECK(is_closed(fd));
	close(fd);
	end(door, &guests);
}

TEST(a_path_too_long_or_empty_is_refused)
{
	char text[200];
	struct door_problem problem;
	struct door *door;
	struct guests guests = GUESTS;

	memset(text, 'x', sizeof(text));
	memcpy(text, folder, strlen(folder));
	text[strlen(folder)] = '/';
	text[108] = '\0';
	problem = refused_door((struct door_options){ .socket = text });
	CHECK_INT(problem.code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(problem.text, "has 108 bytes, 107 are possible");
	text[107] = '\0';
	door = open_door(&guests, (struct door_options){ .socket = text });
	CHECK_HAS(door_address(door), text);
	door_free(door);
	problem = refused_door((struct door_options){ .socket = "" });
	CHECK_INT(problem.code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(problem.text, "is empty");
}

TEST(a_path_that_no_uri_can_hold_is_refused)
{
	struct door_problem problem;
	char text[100];

	snprintf(text, sizeof(text), "%s/a:b", folder);
	problem = refused_door((struct door_options){ .socket = text });
	CHECK_INT(problem.code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(problem.text, "has a ':', which a URI cannot contain: ");
	CHECK_HAS(problem.text, text);
}

TEST(a_relative_path_is_told_as_an_absolute_one)
{
	struct guests guests = GUESTS;
	char before[200], expected[100];
	struct door *door;

	REQUIRE(getcwd(before, sizeof(before)) != NULL);
	REQUIRE(chdir(folder) == 0);
	door = open_door(&guests, (struct door_options){ .socket = "here" });
	snprintf(expected, sizeof(expected), "./u:%s/here", folder);
	CHECK_STR(door_address(door), expected);
	CHECK_INT(chdir(before), 0);
	door_free(door); /* from another directory: it removes what it made */
	guests_leave(&guests);
	CHECK(!exists(expected + strlen("./u:")));
}

TEST(a_living_door_is_not_stolen_and_its_process_is_named)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests);
	struct door_problem problem = refused();
	char owner[40];
	int fd;

	snprintf(owner, sizeof(owner), "process %ld listens there", (long)getpid());
	CHECK_INT(problem.code, PYR_ALREADY_EXISTS);
	CHECK_HAS(problem.text, path);
	CHECK_HAS(problem.text, owner);
	fd = unix_socket(path, false);
	say(fd, PREFACE);
	CHECK(guests_wait(&guests, 1));
	close(fd);
	end(door, &guests);
}

TEST(t10_what_a_killed_daemon_left_is_replaced)
{
	struct guests guests = GUESTS;
	int ready[2], fd, status;
	struct door *door;
	pid_t child;
	char byte;

	REQUIRE(pipe(ready) == 0);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		open_door(&guests, (struct door_options){ .socket = path });
		(void)!write(ready[1], "x", 1);
		pause();
		_exit(1);
	}
	CHECK_INT(read(ready[0], &byte, 1), 1);
	CHECK_INT(refused().code, PYR_ALREADY_EXISTS);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	close(ready[0]);
	close(ready[1]);
	CHECK(exists(path));
	CHECK(exists(lock));
	door = begin(&guests);
	fd = unix_socket(path, false);
	say(fd, PREFACE);
	CHECK(guests_wait(&guests, 1));
	close(fd);
	end(door, &guests);
}

TEST(a_socket_of_a_program_without_lock_files_is_respected)
{
	int fd = unix_socket(path, true);
	struct door_problem problem = refused();

	CHECK_INT(problem.code, PYR_ALREADY_EXISTS);
	CHECK_HAS(problem.text, "another program listens there");
	CHECK(exists(path));
	CHECK(!exists(lock));
	close(fd);
	unlink(path);
}

TEST(a_file_in_the_way_is_left_alone)
{
	FILE *file = fopen(path, "w");
	struct door_problem problem;

	REQUIRE(file != NULL);
	fclose(file);
	problem = refused();
	CHECK_INT(problem.code, PYR_ALREADY_EXISTS);
	CHECK_HAS(problem.text, "not a socket");
	CHECK(exists(path));
	unlink(path);
}

TEST(a_lock_file_that_is_a_link_or_a_folder_is_not_followed)
{
	struct door_problem problem;
	char target[80];

	snprintf(target, sizeof(target), "%s/target", folder);
	REQUIRE(symlink(target, lock) == 0);
	problem = refused();
	CHECK(problem.code != 0);
	CHECK_HAS(problem.text, lock);
	CHECK(!exists(target));
	unlink(lock);
	REQUIRE(mkdir(lock, 0700) == 0);
	problem = refused();
	CHECK_HAS(problem.text, lock);
	CHECK(!exists(path));
	rmdir(lock);
}

TEST(a_lock_file_of_another_user_is_refused)
{
	struct door_problem problem;
	FILE *file;

	if (geteuid() != 0)
		return; /* only root can make one */
	file = fopen(lock, "w");
	REQUIRE(file != NULL);
	fclose(file);
	REQUIRE(chown(lock, 65534, 65534) == 0);
	problem = refused();
	CHECK_INT(problem.code, PYR_PERMISSION_DENIED);
	CHECK_HAS(problem.text, "not a file of this user");
	CHECK(!exists(path));
	unlink(lock);
}

static void check_folder(mode_t mode, const char *why)
{
	struct door_problem problem;
	struct guests guests = GUESTS;

	REQUIRE(chmod(folder, mode) == 0);
	if (why) {
		problem = refused();
		CHECK_INT(problem.code, PYR_FAILED_PRECONDITION);
		CHECK_HAS(problem.text, why);
		CHECK_HAS(problem.text, folder);
	} else {
		end(begin(&guests), &guests);
	}
}

TEST(a_folder_that_others_can_write_is_refused)
{
	struct guests guests = GUESTS;
	struct door *door;

	check_folder(0777, "is writable by others, so the socket could be replaced");
	check_folder(0770, "is writable by others");
	door = open_door(&guests, (struct door_options){ .socket = path, .insecure = true });
	CHECK(door != NULL);
	door_free(door);
	guests_leave(&guests);
	check_folder(01777, NULL); /* as /tmp: each file is its owner's */
	check_folder(0755, NULL);
	check_folder(0700, NULL);
	if (geteuid() != 0)
		return; /* only root can give folders away */
	REQUIRE(chown(folder, 65534, 65534) == 0);
	check_folder(0755, "is owned by another user");
	REQUIRE(chown(folder, 0, 0) == 0);
	check_folder(0700, NULL);
}

TEST(so_is_a_folder_below_one_that_others_can_write)
{
	char inner[64], name[80];
	struct door_problem problem;

	snprintf(inner, sizeof(inner), "%s/inner", folder);
	snprintf(name, sizeof(name), "%s/socket", inner);
	REQUIRE(mkdir(inner, 0700) == 0 && chmod(folder, 0777) == 0);
	problem = refused_door((struct door_options){ .socket = name });
	CHECK_INT(problem.code, PYR_FAILED_PRECONDITION);
	CHECK_HAS(problem.text, folder);
	REQUIRE(chmod(folder, 0700) == 0 && rmdir(inner) == 0);
}

TEST(a_socket_of_another_user_is_refused)
{
	struct door_problem problem;
	int fd;

	if (geteuid() != 0)
		return; /* only root can make one */
	fd = unix_socket(path, true);
	close(fd);
	REQUIRE(chown(path, 65534, 65534) == 0);
	problem = refused();
	CHECK_INT(problem.code, PYR_PERMISSION_DENIED);
	CHECK_HAS(problem.text, "there is a socket of another user");
	CHECK(exists(path));
	unlink(path);
}

TEST(a_folder_that_is_not_there_is_named)
{
	struct door_problem problem =
		refused_door((struct door_options){ .socket = "/no/such/folder/socket" });

	CHECK_INT(problem.code, PYR_NOT_FOUND);
	CHECK_HAS(problem.text, "/no/such/folder/socket");
}

TEST(a_closing_door_leaves_a_socket_that_is_not_its_own)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests);
	int fd;

	unlink(path);
	fd = unix_socket(path, true);
	door_close(door);
	CHECK(exists(path));
	close(fd);
	unlink(path);
	end(door, &guests);
}

/* Until its lock file is let go: the one that has the path needs the processor. */
static void wait_for_owner(void)
{
	int fd = open(lock, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)flock(fd, LOCK_SH);
		close(fd);
	}
}

/* Opens and closes the path until it has had it often enough; never two at a time. n_turns: of all.
 * How long a turn takes depends on the load of the machine: there is to be one in PATIENCE_MS. */
static void contend(atomic_int *n_turns)
{
	struct guests guests = GUESTS;
	struct door_options options = { .socket = path, .accepted = guest_comes, .data = &guests };
	struct door_problem problem;
	int64_t until = test_now_ms() + PATIENCE_MS;
	int won = 0, seen = 0;
	char name[80];

	snprintf(name, sizeof(name), "%s/inside", folder);
	while (won < TURNS && test_now_ms() < until) {
		struct door *door = door_open(&options, &problem);

		if (seen != atomic_load(n_turns)) {
			seen = atomic_load(n_turns);
			until = test_now_ms() + PATIENCE_MS;
		}
		if (!door && problem.code == PYR_ALREADY_EXISTS) {
			wait_for_owner();
			continue;
		}
		if (!door || mkdir(name, 0700) < 0)
			_exit(2);
		won++;
		atomic_fetch_add(n_turns, 1);
		rmdir(name);
		door_free(door);
	}
	_exit(won == TURNS ? 0 : 3);
}

TEST(many_who_want_one_path_have_it_one_after_the_other)
{
	atomic_int *n_turns = mmap(NULL, sizeof(*n_turns), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t children[4];
	int i, status;

	REQUIRE(n_turns != MAP_FAILED);
	for (i = 0; i < 4; i++) {
		children[i] = fork();
		REQUIRE(children[i] >= 0);
		if (children[i] == 0)
			contend(n_turns);
	}
	for (i = 0; i < 4; i++) {
		CHECK(waitpid(children[i], &status, 0) == children[i]);
		CHECK(WIFEXITED(status));
		CHECK_INT(WEXITSTATUS(status), 0);
	}
	CHECK_INT(atomic_load(n_turns), 4 * TURNS);
	munmap(n_turns, sizeof(*n_turns));
	CHECK(!exists(path));
	CHECK(!exists(lock));
}

static const struct test_case tests[] = {
	T(t10_what_a_killed_daemon_left_is_replaced), /* forks: before there are threads */
	T(many_who_want_one_path_have_it_one_after_the_other),
	T(a_guest_comes_with_his_credentials),
	T(a_path_too_long_or_empty_is_refused),
	T(a_path_that_no_uri_can_hold_is_refused),
	T(a_relative_path_is_told_as_an_absolute_one),
	T(a_living_door_is_not_stolen_and_its_process_is_named),
	T(a_socket_of_a_program_without_lock_files_is_respected),
	T(a_file_in_the_way_is_left_alone),
	T(a_lock_file_that_is_a_link_or_a_folder_is_not_followed),
	T(a_lock_file_of_another_user_is_refused),
	T(a_folder_that_others_can_write_is_refused),
	T(so_is_a_folder_below_one_that_others_can_write),
	T(a_socket_of_another_user_is_refused),
	T(a_folder_that_is_not_there_is_named),
	T(a_closing_door_leaves_a_socket_that_is_not_its_own),
};

int main(void)
{
	int failed;

	if (!mkdtemp(folder))
		return 2;
	snprintf(path, sizeof(path), "%s/socket", folder);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	failed = test_main("door_unix", tests, sizeof(tests) / sizeof(tests[0]));
	rmdir(folder);
	return failed;
}
