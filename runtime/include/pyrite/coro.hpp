// SPDX-License-Identifier: MIT
#ifndef PYRITE_CORO_HPP
#define PYRITE_CORO_HPP
/*
 * Coroutines of C++20 that wait for calls and times, without a thread that waits.
 *
 *	pyr::detached ask(example_Server *server)
 *	{
 *		int32_t sum;
 *
 *		if (example_Server_add_get(co_await pyr::ready(example_Server_add_start(server, 1, 2)), &sum) < 0)
 *			pyr_perror("add");
 *	}
 *
 * A coroutine resumes where callbacks of futures and timers run: in the program's loop (pyr_dispatch())
 * if it has one, in a method thread of the daemon in one of whose methods or callbacks it was
 * suspended, else in the callback thread. With a loop, or a serial daemon, coroutines need no locks.
 */
#include <pyrite/pyrite.h>

#include <coroutine>
#include <exception>

namespace pyr
{

/* Waits until the call of a future is over; co_await returns the future, for I_op_get(), which is to
 * be called before the coroutine is suspended again or ends. NULL, of an I_op_start() that failed, is
 * returned at once, and I_op_get() returns that error. */
class ready
{
public:
	explicit ready(pyr_future *future) noexcept : future_(future)
	{
	}

	bool await_ready() const noexcept
	{
		return !future_ || pyr_future_is_ready(future_);
	}

	/* Perhaps the coroutine runs in another thread by the time that the callback is set: nothing
	 * here is touched after that. */
	bool await_suspend(std::coroutine_handle<> coroutine) noexcept
	{
		pyr_future *future = future_;

		coroutine_ = coroutine;
		if (pyr_future_then(future, resume, this) == 0)
			return true;
		future_ = nullptr; /* it was taken */
		return false;
	}

	pyr_future *await_resume() const noexcept
	{
		return future_;
	}

private:
	static void resume(pyr_future *, void *data)
	{
		static_cast<ready *>(data)->coroutine_.resume();
	}

	pyr_future *future_;
	std::coroutine_handle<> coroutine_;
};

/* Waits for a time, in milliseconds. daemon: in whose method thread the coroutine resumes; NULL: in
 * the loop or the callback thread. co_await returns 0, or minus a status if there can be no timer. */
class after
{
public:
	explicit after(uint32_t ms, pyr_daemon *daemon = nullptr) noexcept : ms_(ms), daemon_(daemon)
	{
	}

	bool await_ready() const noexcept
	{
		return false;
	}

	bool await_suspend(std::coroutine_handle<> coroutine) noexcept
	{
		pyr_timer *timer = pyr_timer_new(daemon_, resume, this);

		coroutine_ = coroutine;
		if (timer && pyr_timer_set(timer, ms_) == 0)
			return true;
		status_ = -pyr_last_error()->code;
		pyr_timer_free(timer);
		return false;
	}

	int await_resume() const noexcept
	{
		return status_;
	}

private:
	static void resume(pyr_timer *timer, void *data)
	{
		std::coroutine_handle<> coroutine = static_cast<after *>(data)->coroutine_;

		pyr_timer_free(timer);
		coroutine.resume();
	}

	uint32_t ms_;
	pyr_daemon *daemon_;
	int status_ = 0;
	std::coroutine_handle<> coroutine_;
};

/* Returned by a coroutine that begins at once and frees itself. It cannot be awaited. */
struct detached {
	struct promise_type {
		detached get_return_object() noexcept
		{
			return {};
		}
		std::suspend_never initial_suspend() noexcept
		{
			return {};
		}
		std::suspend_never final_suspend() noexcept
		{
			return {};
		}
		void return_void() noexcept
		{
		}
		[[noreturn]] void unhandled_exception() noexcept
		{
			std::terminate();
		}
	};
};

} // namespace pyr
#endif
