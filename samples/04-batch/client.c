/* SPDX-License-Identifier: MIT */
/* Five calls in one message; then five whose third fails; then a thousand futures at a time; then
 * five calls that call back. */
#include "calculator.h"
#include <semaphore.h>
#include <stdio.h>

enum { N = 5, MANY = 1000 };

/* The batch's proxy goes where the server's would; results are there once the batch has run. */
static void queue_divisions(pyr_batch *batch, int32_t from, int32_t *results)
{
	struct example_Calculator *queue = example_Calculator_batch(batch);
	int i;

	for (i = 0; i < N; i++)
		if (example_Calculator_divide(queue, 100, from + i, &results[i]) < 0)
			pyr_perror("divide");
}

static void run(pyr_batch *batch, const int32_t *results)
{
	int err = pyr_batch_run(batch);
	size_t i;

	for (i = 0; i < pyr_batch_done(batch); i++)
		printf("%d ", results[i]);
	puts(err < 0 ? pyr_last_error()->message : "and no error");
}

static pyr_future *start(size_t i, void *server)
{
	return example_Calculator_add_start(server, (int32_t)i, 1);
}

static int get(size_t i, pyr_future *future, void *server)
{
	int32_t sum;
	int err = example_Calculator_add_get(future, &sum);

	if (err == 0 && (i + 1) % 250 == 0)
		printf("%d ", sum);
	return err;
}

struct division {
	int32_t result;
	sem_t *is_done;
};

/* In the process's callback thread, once for each call. */
static void on_division(pyr_future *future, void *data)
{
	struct division *division = data;

	if (example_Calculator_divide_get(future, &division->result) < 0)
		pyr_perror("divide");
	sem_post(division->is_done);
}

static int divide_and_be_called_back(struct example_Calculator *server)
{
	struct division divisions[N];
	sem_t is_done;
	int i;

	sem_init(&is_done, 0, 0);
	for (i = 0; i < N; i++) {
		divisions[i] = (struct division){ .is_done = &is_done };
		if (example_Calculator_divide_async(server, 100, i + 1, on_division,
						    &divisions[i]) < 0)
			return pyr_perror("divide");
	}
	for (i = 0; i < N; i++)
		sem_wait(&is_done); /* or do something else */
	for (i = 0; i < N; i++)
		printf("%d ", divisions[i].result);
	puts("called back");
	sem_destroy(&is_done);
	return 0;
}

int main(void)
{
	struct example_Calculator *server = example_Calculator_proxy("PYRONAME:example.calculator");
	pyr_batch *batch = pyr_batch_new(example_Calculator_as_proxy(server));
	int32_t results[N];
	int err;

	if (!batch)
		return pyr_perror("batch");
	queue_divisions(batch, 1, results);
	run(batch, results);
	queue_divisions(batch, -2, results);
	run(batch, results);
	pyr_batch_free(batch);

	if (pyr_map(MANY, 0, start, get, server) < 0)
		return pyr_perror("add");
	puts("from a thousand futures");
	err = divide_and_be_called_back(server);
	example_Calculator_free(server);
	return err;
}
