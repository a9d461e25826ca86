/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's side of the probe, for Node: loads and attaches it, maps its ring, and says how far it may be read. It moves no bytes
 * and words no errors: JavaScript reads the records where they lie, and src/events/live checks arguments and explains what failed.
 * Needs nothing but libc at run time; the probe is inside, as a loader that the kernel runs.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/close_range.h>
#include <linux/perf_event.h>
#include <node_api.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../bpf/event.h"
#include PROBE_HEADER

#define COUNTER_NAMES 8 /* sums told by `counters` */

struct live {
	struct probe *probe;
	u64 ring_bytes;
	u64 buffer_bytes; /* of one CPU */
	u32 cpu_count;
	long page;
	u8 *consumer_page, *producer_page; /* the producer's page, then the data */
	u8 *buffers;
	u64 span_end; /* where the span ends that was handed out last */
	int cancel_fd;
	int epoll_fd; /* on wake-ups of the ring (edges: data alone does not end a wait) and on cancel_fd */
	bool waiting;
	bool closed;
	napi_ref data_ref;
};

/* ---------------------------------------------------------------- errors */

static napi_value fail(napi_env env, int error, const char *step)
{
	napi_value code, message, object, step_value, errno_value;
	const char *name = strerrorname_np(error);
	napi_create_string_utf8(env, name ? name : "UNKNOWN", NAPI_AUTO_LENGTH, &code);
	napi_create_string_utf8(env, step, NAPI_AUTO_LENGTH, &message);
	napi_create_error(env, code, message, &object);
	napi_create_string_utf8(env, step, NAPI_AUTO_LENGTH, &step_value);
	napi_set_named_property(env, object, "step", step_value);
	napi_create_int32(env, error, &errno_value);
	napi_set_named_property(env, object, "errno", errno_value);
	napi_throw(env, object);
	return NULL;
}

/* ---------------------------------------------------------------- loading */

static u64 boot_epoch_ns(void)
{
	struct timespec real, boot;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (u64)(real.tv_sec - boot.tv_sec) * 1000000000 + real.tv_nsec - boot.tv_nsec;
}

/* The clock of the day may be set or slewed: follow it, but not its jitter, so that times of events keep their order. */
static void follow_clock(struct controls *controls)
{
	u64 now = boot_epoch_ns(), then = controls->boot_epoch_ns;
	if (now - then > 1000000 && then - now > 1000000)
		controls->boot_epoch_ns = now;
}

/* Lets the probe see who we are: ids here may be those of another pid namespace. Undone unless the probe answered. */
static int introduce(struct controls *controls)
{
	u64 token = 0;
	if (getrandom(&token, sizeof(token), 0) != sizeof(token) || token == 0)
		return EIO;
	__atomic_store_n(&controls->handshake, token, __ATOMIC_SEQ_CST);
	syscall(__NR_prctl, 0x54524343, token, 0, 0, 0);
	int answered = __atomic_load_n(&controls->handshake, __ATOMIC_SEQ_CST) == 0;
	__atomic_store_n(&controls->handshake, 0, __ATOMIC_SEQ_CST);
	return answered ? 0 : ENOENT;
}

static void release(struct live *live)
{
	if (live->closed)
		return;
	live->closed = true;
	if (live->probe)
		probe__destroy(live->probe);
	if (live->producer_page)
		munmap(live->producer_page, live->page + live->ring_bytes);
	if (live->consumer_page)
		munmap(live->consumer_page, live->page);
	if (live->buffers)
		munmap(live->buffers, live->buffer_bytes * live->cpu_count);
	if (live->epoll_fd >= 0)
		close(live->epoll_fd);
	if (live->cancel_fd >= 0)
		close(live->cancel_fd);
	live->probe = NULL;
	live->producer_page = live->consumer_page = live->buffers = NULL;
	live->cancel_fd = live->epoll_fd = -1;
}

static void finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	release(data);
	free(data);
}

static void *map_or_null(size_t bytes, int protection, int fd, off_t at)
{
	void *p = mmap(NULL, bytes, protection, MAP_SHARED, fd, at);
	return p == MAP_FAILED ? NULL : p;
}

static u32 number_option(napi_env env, napi_value options, const char *name)
{
	napi_value v;
	u32 n = 0;
	napi_get_named_property(env, options, name, &v);
	napi_get_value_uint32(env, v, &n);
	return n;
}

/* What the kernel's loader and verifier said, kept for the error of a failed load. */
#define THREAD_STACK_BYTES (256 * 1024)
#define LOG_BYTES (16 * 1024 * 1024)
#define LOG_TOLD 4096
static char *load_log;

/* The programs and maps into the kernel; NULL and `errno` when it refuses. */
static struct probe *load_probe(u32 ring_bytes, u32 cpu_count, bool with_log)
{
	struct probe *probe = probe__open();
	if (!probe)
		return NULL;
	probe->maps.ring.max_entries = ring_bytes;
	probe->maps.buffers.max_entries = cpu_count;
	if (with_log) {
		probe->ctx.log_level = 1;
		probe->ctx.log_size = LOG_BYTES;
		probe->ctx.log_buf = (u64)(uintptr_t)load_log;
	}
	int error = probe__load(probe);
	if (error) {
		error = error < 0 ? -error : errno;
		probe__destroy(probe);
		errno = error;
		return NULL;
	}
	return probe;
}

/* The verifier gives up with EAGAIN when a signal comes (a profiler sends thousands); libbpf tries five times, too. */
static struct probe *load_patiently(u32 ring_bytes, u32 cpu_count)
{
	struct probe *probe = NULL;
	sigset_t every, before;
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	for (int tries = 0; tries < 5 && !probe; tries++) {
		probe = load_probe(ring_bytes, cpu_count, false);
		if (!probe && errno != EAGAIN)
			break;
	}
	int error = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return probe;
}

/* A load that began before anybody asked for the probe, on a thread of its own; of the whole process, whichever thread of Node asks. */
static struct {
	pthread_mutex_t lock;
	pthread_t thread;
	bool under_way;
	u32 ring_bytes, cpu_count;
	struct probe *probe;
	int error;
} early = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *load_early(void *unused)
{
	(void)unused;
	early.probe = load_patiently(early.ring_bytes, early.cpu_count);
	early.error = errno;
	return NULL;
}

/* loadEarly({ringBytes, cpuCount}): begins to load; the next `open` waits for it, and takes it if it wants these sizes. */
static napi_value begin_to_load(napi_env env, napi_callback_info info)
{
	size_t argc = 1;
	napi_value options;
	napi_get_cb_info(env, info, &argc, &options, NULL, NULL);
	pthread_mutex_lock(&early.lock);
	if (!early.under_way) {
		early.ring_bytes = number_option(env, options, "ringBytes");
		early.cpu_count = number_option(env, options, "cpuCount");
		early.under_way = pthread_create(&early.thread, NULL, load_early, NULL) == 0;
	}
	pthread_mutex_unlock(&early.lock);
	return NULL;
}

/* The programs and maps, loaded early or now; NULL and `errno` when the kernel refuses. */
static struct probe *take_probe(u32 ring_bytes, u32 cpu_count)
{
	struct probe *probe = NULL;
	bool fits = false;
	pthread_mutex_lock(&early.lock);
	if (early.under_way) {
		pthread_join(early.thread, NULL);
		early.under_way = false;
		probe = early.probe;
		fits = early.ring_bytes == ring_bytes && early.cpu_count == cpu_count;
		errno = early.error;
	}
	pthread_mutex_unlock(&early.lock);
	if (fits)
		return probe;
	if (probe)
		probe__destroy(probe);
	return load_patiently(ring_bytes, cpu_count);
}

/*
 * Where there is no such tracepoint, requests are neither counted nor told. Before 6.4 it has another name, and before 6.0 the request is
 * not its first argument.
 */
static void attach_uring(struct probe *probe)
{
	struct utsname kernel;
	if (probe__uring_request__attach(probe) >= 0 || uname(&kernel) || atoi(kernel.release) < 6)
		return;
	int fd = skel_raw_tracepoint_open("io_uring_submit_sqe", probe->progs.uring_request.prog_fd);
	if (fd > 0)
		probe->links.uring_request_fd = fd;
}

/* open({ringBytes, cpuCount, snapBytes, namesSnapBytes, genericIds: Uint16Array}) → { handle, data: ArrayBuffer }. Nothing flows yet. */
static napi_value open_live(napi_env env, napi_callback_info info)
{
	size_t argc = 1;
	napi_value options;
	napi_get_cb_info(env, info, &argc, &options, NULL, NULL);
	u32 ring_bytes = number_option(env, options, "ringBytes"), cpu_count = number_option(env, options, "cpuCount");

	struct live *live = calloc(1, sizeof(*live));
	if (!live)
		return fail(env, ENOMEM, "memory");
	live->cancel_fd = live->epoll_fd = -1;
	live->page = sysconf(_SC_PAGESIZE);
	live->ring_bytes = ring_bytes;
	live->cpu_count = cpu_count;
	const char *step = "load";
	int error = 0;
	live->probe = take_probe(ring_bytes, cpu_count);
	if (!live->probe) {
		error = errno;
		goto failed;
	}
	step = "map";
	int ring = live->probe->maps.ring.map_fd, buffers = live->probe->maps.buffers.map_fd;
	struct bpf_map_info map_info = {0};
	union bpf_attr attr = {0};
	attr.info.bpf_fd = buffers;
	attr.info.info_len = sizeof(map_info);
	attr.info.info = (u64)(uintptr_t)&map_info;
	if (syscall(__NR_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0) {
		error = errno;
		goto failed;
	}
	live->buffer_bytes = (map_info.value_size + 7) & ~7ull;
	live->consumer_page = map_or_null(live->page, PROT_READ | PROT_WRITE, ring, 0);
	/* The kernel offers the data twice in a row, so that nothing wraps; but then every page counts twice as resident. */
	live->producer_page = map_or_null(live->page + live->ring_bytes, PROT_READ, ring, live->page);
	live->buffers = map_or_null(live->buffer_bytes * cpu_count, PROT_READ, buffers, 0);
	live->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	live->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event woken = {.events = EPOLLIN | EPOLLET}, cancelled = {.events = EPOLLIN};
	if (!live->consumer_page || !live->producer_page || !live->buffers || live->cancel_fd < 0 || live->epoll_fd < 0 ||
	    epoll_ctl(live->epoll_fd, EPOLL_CTL_ADD, ring, &woken) < 0 ||
	    epoll_ctl(live->epoll_fd, EPOLL_CTL_ADD, live->cancel_fd, &cancelled) < 0) {
		error = errno;
		goto failed;
	}
	struct controls *controls = &live->probe->bss->controls;
	controls->boot_epoch_ns = boot_epoch_ns();
	controls->wake_bytes = ring_bytes / 4;
	controls->snap_bytes = number_option(env, options, "snapBytes");
	controls->names_snap_bytes = number_option(env, options, "namesSnapBytes");
	napi_value ids;
	void *id_data = NULL;
	size_t id_count = 0;
	napi_get_named_property(env, options, "genericIds", &ids);
	napi_get_typedarray_info(env, ids, NULL, &id_count, &id_data, NULL, NULL);
	memcpy(controls->generic_id, id_data, (id_count < SYSCALL_LIMIT ? id_count : SYSCALL_LIMIT) * sizeof(u16));
	step = "attach";
	if (probe__sys_exit__attach(live->probe) < 0 || probe__exec_done__attach(live->probe) < 0 ||
#if defined(__aarch64__)
	    probe__fork_done__attach(live->probe) < 0 ||
#endif
	    probe__exit_done__attach(live->probe) < 0) {
		error = errno;
		goto failed;
	}
	attach_uring(live->probe);
	step = "handshake";
	error = introduce(controls);
	if (error)
		goto failed;

	napi_value result, handle, data;
	napi_create_object(env, &result);
	napi_create_external(env, live, finalize, NULL, &handle);
	napi_create_external_arraybuffer(env, live->producer_page + live->page, live->ring_bytes, NULL, NULL, &data);
	napi_create_reference(env, data, 1, &live->data_ref);
	napi_set_named_property(env, result, "handle", handle);
	napi_set_named_property(env, result, "data", data);
	return result;

failed:
	release(live);
	free(live);
	return fail(env, error, step);
}

/* ---------------------------------------------------------------- using it */

static struct live *live_of(napi_env env, napi_callback_info info, size_t count, napi_value *args)
{
	void *live = NULL;
	napi_get_cb_info(env, info, &count, args, NULL, NULL);
	napi_get_value_external(env, args[0], &live);
	if (live && !((struct live *)live)->closed)
		return live;
	fail(env, EBADF, "closed");
	return NULL;
}

static u64 *position(u8 *page)
{
	return (u64 *)page;
}

#define RING_BUSY 0x80000000u
#define RING_DISCARD 0x40000000u

/*
 * next(handle, maxBytes) → bytes. Gives back the span that was handed out before and hands out what is written completely behind it, at
 * most about `maxBytes`. Spans follow one another; where one begins in the data is where the last ended, modulo the size of the ring.
 */
static napi_value next_span(napi_env env, napi_callback_info info)
{
	napi_value args[2], result;
	struct live *live = live_of(env, info, 2, args);
	if (!live)
		return NULL;
	u32 limit = 0;
	napi_get_value_uint32(env, args[1], &limit);
	__atomic_store_n(position(live->consumer_page), live->span_end, __ATOMIC_RELEASE);
	u64 written = __atomic_load_n(position(live->producer_page), __ATOMIC_ACQUIRE);
	const u8 *data = live->producer_page + live->page;
	u64 at = live->span_end;
	while (at < written && at - live->span_end < limit) {
		u32 head = __atomic_load_n((const u32 *)(data + (at & (live->ring_bytes - 1))), __ATOMIC_ACQUIRE);
		if (head & RING_BUSY)
			break;
		at += ((head & ~(RING_BUSY | RING_DISCARD)) + 8 + 7) & ~7u;
	}
	napi_create_uint32(env, (u32)(at - live->span_end), &result);
	live->span_end = at;
	live->probe->bss->controls.woken = 0;
	return result;
}

/* setWanted(handle, Uint8Array(512)): see `enum want`. */
static napi_value set_wanted(napi_env env, napi_callback_info info)
{
	napi_value args[2];
	struct live *live = live_of(env, info, 2, args);
	void *wanted = NULL;
	size_t count = 0;
	if (!live || napi_get_typedarray_info(env, args[1], NULL, &count, &wanted, NULL, NULL) != napi_ok)
		return NULL;
	memcpy(live->probe->bss->controls.want, wanted, count < SYSCALL_LIMIT ? count : SYSCALL_LIMIT);
	return NULL;
}

static void put_bits(u64 *words, const u64 *bits, size_t count)
{
	for (size_t i = 0; i < count; i++)
		__atomic_store_n(&words[i], bits[i], __ATOMIC_SEQ_CST);
}

/*
 * setFilter(handle, { reads: Uint32Array, writes: Uint32Array, programs: Uint8Array }): see `struct file_filter`; `reads` and `writes`
 * are pieces, absent where nothing may be left out, and programs are 16 bytes each. Word by word: what both the old and the new filter
 * let through is let through all the time.
 */
static napi_value set_filter(napi_env env, napi_callback_info info)
{
	napi_value args[2], array;
	struct live *live = live_of(env, info, 2, args);
	static const char *const names[] = {"reads", "writes"};
	u32 leave_out[2] = {LEAVE_OUT_NONE, LEAVE_OUT_NONE};
	void *data;
	size_t count;
	if (!live)
		return NULL;
	struct file_filter *filter = &live->probe->bss->controls.filter;
	struct file_filter *next = calloc(1, sizeof(*next));
	if (!next)
		return fail(env, ENOMEM, "memory");
	for (u32 writes = 0; writes < 2; writes++) {
		bool is_there = false;
		napi_get_named_property(env, args[1], names[writes], &array);
		napi_is_typedarray(env, array, &is_there);
		if (!is_there || napi_get_typedarray_info(env, array, NULL, &count, &data, NULL, NULL) != napi_ok)
			continue;
		leave_out[writes] = count > 0 ? LEAVE_OUT_BY_PATH : LEAVE_OUT_ALL;
		for (size_t i = 0; i < count; i++) {
			u32 place = piece_place(((u32 *)data)[i], writes);
			next->pieces[place / 64] |= 1ull << (place & 63);
		}
	}
	napi_get_named_property(env, args[1], "programs", &array);
	if (napi_get_typedarray_info(env, array, NULL, &count, &data, NULL, NULL) != napi_ok)
		count = 0;
	for (size_t i = 0; i + 16 <= count; i += 16) {
		u64 name[2];
		memcpy(name, (u8 *)data + i, sizeof(name));
		u32 place = program_place(name[0], name[1]);
		next->programs[place / 64] |= 1ull << (place & 63);
	}
	/* What is left out less than before is so at once. */
	if (leave_out[0] < filter->reads)
		__atomic_store_n(&filter->reads, leave_out[0], __ATOMIC_SEQ_CST);
	if (leave_out[1] < filter->writes)
		__atomic_store_n(&filter->writes, leave_out[1], __ATOMIC_SEQ_CST);
	if (count > 0)
		__atomic_store_n(&filter->has_programs, 1, __ATOMIC_SEQ_CST);
	put_bits(filter->pieces, next->pieces, sizeof(filter->pieces) / sizeof(u64));
	put_bits(filter->programs, next->programs, sizeof(filter->programs) / sizeof(u64));
	free(next);
	if (count == 0)
		__atomic_store_n(&filter->has_programs, 0, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&filter->generation, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&filter->reads, leave_out[0], __ATOMIC_SEQ_CST);
	__atomic_store_n(&filter->writes, leave_out[1], __ATOMIC_SEQ_CST);
	return NULL;
}

/* setRunning(handle, boolean): whether events are told. */
static napi_value set_running(napi_env env, napi_callback_info info)
{
	napi_value args[2];
	struct live *live = live_of(env, info, 2, args);
	bool running = false;
	if (!live)
		return NULL;
	napi_get_value_bool(env, args[1], &running);
	live->probe->bss->controls.boot_epoch_ns = boot_epoch_ns();
	__atomic_store_n(&live->probe->bss->controls.running, running, __ATOMIC_SEQ_CST);
	return NULL;
}

/*
 * counters(handle, Float64Array(8 + 2 * cpuCount)): sums over all CPUs, in the order of `struct counters`, then the events without a buffer;
 * then told and lost of each CPU. Also the time to set the probe's clock.
 */
static napi_value read_counters(napi_env env, napi_callback_info info)
{
	napi_value args[2];
	struct live *live = live_of(env, info, 2, args);
	void *out = NULL;
	size_t count = 0;
	if (!live || napi_get_typedarray_info(env, args[1], NULL, &count, &out, NULL, NULL) != napi_ok || count < COUNTER_NAMES + 2 * (size_t)live->cpu_count)
		return NULL;
	follow_clock(&live->probe->bss->controls);
	double *sums = out;
	memset(sums, 0, COUNTER_NAMES * sizeof(double));
	for (u32 cpu = 0; cpu < live->cpu_count; cpu++) {
		const struct counters *c = (const struct counters *)(live->buffers + live->buffer_bytes * cpu);
		sums[0] += (double)c->emitted;
		sums[1] += (double)c->lost_ring_full;
		sums[2] += (double)c->lost_too_large;
		sums[3] += (double)c->compat_calls;
		sums[4] += (double)c->wakeups;
		sums[5] += (double)c->uring_requests;
		sums[7] += (double)c->left_out;
		sums[COUNTER_NAMES + 2 * cpu] = (double)c->emitted;
		sums[COUNTER_NAMES + 2 * cpu + 1] = (double)(c->lost_ring_full + c->lost_too_large);
	}
	sums[6] = (double)live->probe->bss->controls.lost_no_buffer;
	return NULL;
}

/*
 * beat(handle) → whether the probe saw a call that this thread just made: it is attached and runs, whatever else the machine does. The
 * reader's own calls are never told, so this costs no event.
 */
static napi_value check_beat(napi_env env, napi_callback_info info)
{
	napi_value args[1], result;
	struct live *live = live_of(env, info, 1, args);
	if (!live)
		return NULL;
	napi_get_boolean(env, introduce(&live->probe->bss->controls) == 0, &result);
	return result;
}

/* selfPid(handle) → this process's id as the probe and its events have it: that of the first pid namespace. */
static napi_value read_self_pid(napi_env env, napi_callback_info info)
{
	napi_value args[1], result;
	struct live *live = live_of(env, info, 1, args);
	if (!live)
		return NULL;
	napi_create_uint32(env, live->probe->bss->controls.self_tgid, &result);
	return result;
}

/* backlog(handle) → bytes that wait in the ring. */
static napi_value read_backlog(napi_env env, napi_callback_info info)
{
	napi_value args[1], result;
	struct live *live = live_of(env, info, 1, args);
	if (!live)
		return NULL;
	u64 written = __atomic_load_n(position(live->producer_page), __ATOMIC_ACQUIRE);
	napi_create_double(env, (double)(written - live->span_end), &result);
	return result;
}

/* ---------------------------------------------------------------- waiting */

struct wait {
	struct live *live;
	int timeout_ms;
	bool wake_first;
	napi_async_work work;
	napi_deferred deferred;
	napi_ref handle_ref; /* keeps the handle while a thread waits */
};

static void wait_in_thread(napi_env env, void *data)
{
	(void)env;
	struct wait *wait = data;
	struct live *live = wait->live;
	struct controls *controls = &live->probe->bss->controls;
	struct epoll_event event;
	/* A ring that is already too full tells nobody: the wake-up was for whoever did not drain it. */
	u64 enough = wait->wake_first ? 0 : controls->wake_bytes;
	if (wait->wake_first)
		__atomic_store_n(&controls->sleeping, 1, __ATOMIC_SEQ_CST);
	u64 waiting = __atomic_load_n(position(live->producer_page), __ATOMIC_SEQ_CST) -
		      __atomic_load_n(position(live->consumer_page), __ATOMIC_SEQ_CST);
	if (waiting <= enough && epoll_wait(live->epoll_fd, &event, 1, wait->timeout_ms) < 0)
		errno = 0;
	__atomic_store_n(&controls->sleeping, 0, __ATOMIC_SEQ_CST);
}

static void wait_done(napi_env env, napi_status status, void *data)
{
	(void)status;
	struct wait *wait = data;
	napi_value undefined;
	u64 drained;
	wait->live->waiting = false;
	if (wait->live->cancel_fd >= 0 && read(wait->live->cancel_fd, &drained, sizeof(drained)) < 0)
		errno = 0;
	napi_get_undefined(env, &undefined);
	napi_resolve_deferred(env, wait->deferred, undefined);
	napi_delete_async_work(env, wait->work);
	napi_delete_reference(env, wait->handle_ref);
	free(wait);
}

/*
 * wait(handle, timeoutMs, wakeFirst) → Promise: until the probe wakes us, `cancel`, or the time is over; with wakeFirst also when something
 * is in the ring already. One at a time.
 */
static napi_value wait_for_events(napi_env env, napi_callback_info info)
{
	napi_value args[3], promise, name;
	struct live *live = live_of(env, info, 3, args);
	if (!live)
		return NULL;
	if (live->waiting)
		return fail(env, EALREADY, "wait");
	struct wait *wait = calloc(1, sizeof(*wait));
	if (!wait)
		return fail(env, ENOMEM, "memory");
	wait->live = live;
	napi_get_value_int32(env, args[1], &wait->timeout_ms);
	napi_get_value_bool(env, args[2], &wait->wake_first);
	napi_create_promise(env, &wait->deferred, &promise);
	napi_create_reference(env, args[0], 1, &wait->handle_ref);
	napi_create_string_utf8(env, "tiercel:wait", NAPI_AUTO_LENGTH, &name);
	napi_create_async_work(env, NULL, name, wait_in_thread, wait_done, wait, &wait->work);
	live->waiting = true;
	napi_queue_async_work(env, wait->work);
	return promise;
}

/* cancel(handle): ends a `wait`. */
static napi_value cancel_wait(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	struct live *live = live_of(env, info, 1, args);
	u64 one = 1;
	if (live && write(live->cancel_fd, &one, sizeof(one)) < 0)
		return fail(env, errno, "cancel");
	return NULL;
}

/* close(handle): detaches and unloads; the data can no longer be read. Only while nobody waits. */
static napi_value close_live(napi_env env, napi_callback_info info)
{
	napi_value args[1], data;
	struct live *live = live_of(env, info, 1, args);
	if (!live)
		return NULL;
	if (live->waiting)
		return fail(env, EBUSY, "close");
	napi_get_reference_value(env, live->data_ref, &data);
	napi_detach_arraybuffer(env, data);
	napi_delete_reference(env, live->data_ref);
	release(live);
	return NULL;
}

/* ---------------------------------------------------------------- libraries of programs */

/* Both ends of a function of a library, for every program that has the library loaded. */
struct library {
	int perf_fds[2], link_fds[2];
};

static void drop_library(struct library *library)
{
	for (int i = 0; i < 2; i++) {
		if (library->link_fds[i] >= 0)
			close(library->link_fds[i]);
		if (library->perf_fds[i] >= 0)
			close(library->perf_fds[i]);
	}
	free(library);
}

static int uprobe_type(void)
{
	char text[16] = {0};
	int fd = open("/sys/bus/event_source/devices/uprobe/type", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? atoi(text) : -1;
}

struct library_work {
	int prog_fd, error, call;
	char path[512];
	u64 offset;
	struct library *library;
	void (*execute)(struct library_work *work);
	napi_threadsafe_function done;
	napi_deferred deferred;
};

/*
 * Setting a probe looks at every program that has the file mapped, and reads the file, whose file system may not answer: a thread of its own
 * does it, and none of Node's few, which files and waiting need.
 */
static void attach_library(struct library_work *work)
{
	int type = uprobe_type();
	struct library *library = work->library;
	for (int i = 0; i < 2 && !work->error; i++) {
		struct perf_event_attr perf = {0};
		perf.size = sizeof(perf);
		perf.type = type;
		perf.config = i; /* bit 0: where the function returns */
		perf.config1 = (u64)(uintptr_t)work->path;
		perf.config2 = work->offset;
		int fd = type < 0 ? -1 : syscall(__NR_perf_event_open, &perf, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
		library->perf_fds[i] = fd;
		union bpf_attr attr = {0};
		attr.link_create.prog_fd = work->prog_fd;
		attr.link_create.target_fd = fd;
		attr.link_create.attach_type = BPF_PERF_EVENT;
		attr.link_create.perf_event.bpf_cookie = work->call << 1 | i;
		if (fd >= 0)
			library->link_fds[i] = syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
		if (library->link_fds[i] < 0)
			work->error = type < 0 ? ENOTSUP : errno;
	}
}

static void detach_library(struct library_work *work)
{
	drop_library(work->library);
	work->library = NULL;
}

/* On the thread of Node; without one, as it ends, the kernel takes back what is left. */
static void library_done(napi_env env, napi_value callback, void *context, void *data)
{
	(void)callback;
	(void)context;
	struct library_work *work = data;
	napi_value result;
	if (!env)
		return;
	if (work->error) {
		napi_value message;
		const char *name = strerrorname_np(work->error);
		napi_create_string_utf8(env, name ? name : "UNKNOWN", NAPI_AUTO_LENGTH, &message);
		napi_create_error(env, message, message, &result);
		drop_library(work->library);
		napi_reject_deferred(env, work->deferred, result);
	} else {
		napi_get_undefined(env, &result);
		if (work->library)
			napi_create_external(env, work->library, NULL, NULL, &result);
		napi_resolve_deferred(env, work->deferred, result);
	}
	if (work->prog_fd >= 0)
		close(work->prog_fd);
	free(work);
}

static void *run_library_work(void *data)
{
	struct library_work *work = data;
	napi_threadsafe_function done = work->done;
	work->execute(work);
	/* When Node's thread has ended nobody may be told, and the function is gone. */
	if (napi_call_threadsafe_function(done, work, napi_tsfn_nonblocking) != napi_closing)
		napi_release_threadsafe_function(done, napi_tsfn_release);
	return NULL;
}

/* A thread that no signal comes to and nobody waits for. */
static int start_thread(void *(*run)(void *), void *data)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t every, before;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	int error = pthread_create(&thread, &attributes, run, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return error;
}

static napi_value start_library_work(napi_env env, struct library_work *work, void (*execute)(struct library_work *work))
{
	napi_value promise, name;
	napi_create_promise(env, &work->deferred, &promise);
	napi_create_string_utf8(env, "tiercel:library", NAPI_AUTO_LENGTH, &name);
	work->execute = execute;
	napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL, NULL, library_done, &work->done);
	/* It does not keep the process. */
	napi_unref_threadsafe_function(env, work->done);
	int error = start_thread(run_library_work, work);
	if (error) {
		napi_release_threadsafe_function(work->done, napi_tsfn_abort);
		work->error = error;
		library_done(env, NULL, NULL, work);
	}
	return promise;
}

/*
 * watchLibrary(handle, path, call, offset) → Promise of what `unwatchLibrary` takes: tells calls of the function at the offset, of every
 * program that has the file loaded; `call` is its number (enum library_call). Rejects with the errno.
 */
static napi_value watch_library(napi_env env, napi_callback_info info)
{
	napi_value args[4];
	struct live *live = live_of(env, info, 4, args);
	if (!live)
		return NULL;
	struct library_work *work = calloc(1, sizeof(*work));
	struct library *library = calloc(1, sizeof(*library));
	if (!work || !library) {
		free(work);
		free(library);
		return fail(env, ENOMEM, "memory");
	}
	for (int i = 0; i < 2; i++)
		library->perf_fds[i] = library->link_fds[i] = -1;
	work->library = library;
	/* A number of its own, so that it stays when the probe is closed meanwhile. */
	work->prog_fd = fcntl(live->probe->progs.library_seen.prog_fd, F_DUPFD_CLOEXEC, 3);
	size_t length = 0;
	int64_t offset = 0;
	napi_get_value_string_utf8(env, args[1], work->path, sizeof(work->path), &length);
	napi_get_value_int32(env, args[2], &work->call);
	napi_get_value_int64(env, args[3], &offset);
	work->offset = offset;
	return start_library_work(env, work, attach_library);
}

/* unwatchLibrary(library) → Promise. Once for each; it needs no open probe. */
static napi_value unwatch_library(napi_env env, napi_callback_info info)
{
	napi_value arg;
	size_t argc = 1;
	void *library = NULL;
	napi_get_cb_info(env, info, &argc, &arg, NULL, NULL);
	napi_get_value_external(env, arg, &library);
	struct library_work *work = calloc(1, sizeof(*work));
	if (!work || !library) {
		free(work);
		return fail(env, EINVAL, "unwatch");
	}
	work->prog_fd = -1;
	work->library = library;
	return start_library_work(env, work, detach_library);
}

/* ---------------------------------------------------------------- looking at processes */

/*
 * What /proc has of a process may not come: the file system of one of its files no longer answers (a dead NFS server, a workload's own FUSE
 * server), and then stat(2) of that file waits, or the process waits there itself with what it is asked for locked: on recent kernels even its
 * `stat`. So threads of our own look, and whoever asks goes on without those that did not answer in time. A thread that waits is left
 * alone. It has no descriptors of ours, so that the probe goes when we are killed, even if the thread cannot be.
 */
#define LOOK_REQUEST_BYTES (32 * 1024)
#define LOOK_ANSWER_BYTES (256 * 1024)
#define LOOK_MAX_STUCK 64
/* The first one gets so long; the more are stuck, the less. */
#define LOOK_PATIENCE_MS 400
#define LOOK_LEAST_MS 25
/* That often, as long as it has only not got a processor. */
#define LOOK_MAX_TURNS 25

struct looker {
	struct looker *next; /* of the idle or of the stuck ones */
	pthread_mutex_t lock;
	pthread_cond_t asked, answered;
	bool is_asked, is_left;
	int tid;
	u32 pid, request_bytes;
	u32 answer_bytes; /* whole answers */
	char request[LOOK_REQUEST_BYTES];
	u8 answer[LOOK_ANSWER_BYTES];
};

static struct {
	pthread_mutex_t lock;
	struct looker *idle, *stuck;
	u32 stuck_count;
	u64 unanswered;
} looking = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* As `src/events/live/look.ts` reads it. */
struct look_stat {
	u64 mode, ino, dev, uid, gid, ctime_ns, mtime_ns;
};

static int look_read(const char *path, u8 *out, u32 limit)
{
	u32 length = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	while (length < limit) {
		ssize_t n = read(fd, out + length, limit - length);
		if (n < 0) {
			int error = errno;
			close(fd);
			return -error;
		}
		length += n;
		/* Files of /proc come a page at a time: less than that was the last of it. */
		if (n < 3500)
			break;
	}
	close(fd);
	return length;
}

/* What the kernel knows without asking a server for it; with no mask, only what never changes. */
static int look_stat(const char *path, u8 *out, u32 mask)
{
	struct statx found;
	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, mask, &found) < 0)
		return -errno;
	struct look_stat told = {
		.mode = found.stx_mode,
		.ino = found.stx_ino,
		.dev = makedev(found.stx_dev_major, found.stx_dev_minor),
		.uid = found.stx_uid,
		.gid = found.stx_gid,
		.ctime_ns = found.stx_ctime.tv_sec * 1000000000ull + found.stx_ctime.tv_nsec,
		.mtime_ns = found.stx_mtime.tv_sec * 1000000000ull + found.stx_mtime.tv_nsec,
	};
	memcpy(out, &told, sizeof(told));
	return sizeof(told);
}

static int look_link(const char *path, u8 *out, u32 limit)
{
	ssize_t n = readlink(path, (char *)out, limit);
	return n < 0 ? -errno : n;
}

static int look_once(char kind, const char *path, u8 *out, u32 limit)
{
	switch (kind) {
	case 'r':
		return look_read(path, out, limit);
	case 'l':
		return look_link(path, out, limit);
	case 's':
		return look_stat(path, out, STATX_BASIC_STATS);
	default: { /* 'f': a link, and what it leads to where that is a file */
		memset(out, 0, sizeof(struct look_stat));
		int n = look_link(path, out + sizeof(struct look_stat), limit);
		if (n > 0 && out[sizeof(struct look_stat)] == '/')
			look_stat(path, out, 0);
		return n < 0 ? n : (int)sizeof(struct look_stat) + n;
	}
	}
}

/* Questions are `kind limit path` that a NUL ends, with the limit as decimal number; answers an s32, and so many bytes, up to a multiple of 4. */
static void look_at_all(struct looker *looker)
{
	char *at = looker->request, *end = at + looker->request_bytes;
	u32 told = 0;
	while (at + 2 < end) {
		char *path, kind = at[0];
		u32 limit = strtoul(at + 1, &path, 10);
		if (*path != ' ' || told + sizeof(s32) + sizeof(struct look_stat) + limit + 4 > LOOK_ANSWER_BYTES)
			break;
		s32 n = look_once(kind, path + 1, looker->answer + told + sizeof(s32), limit);
		memcpy(looker->answer + told, &n, sizeof(n));
		told += sizeof(s32) + (n > 0 ? (n + 3) & ~3 : 0);
		__atomic_store_n(&looker->answer_bytes, told, __ATOMIC_RELEASE);
		at = path + strlen(path) + 1;
	}
}

static void *look_on(void *data)
{
	struct looker *looker = data;
	__atomic_store_n(&looker->tid, syscall(__NR_gettid), __ATOMIC_RELAXED);
	prctl(PR_SET_NAME, "tiercel-look");
	syscall(__NR_close_range, 0, ~0u, CLOSE_RANGE_UNSHARE);
	pthread_mutex_lock(&looker->lock);
	for (;;) {
		while (!looker->is_asked)
			pthread_cond_wait(&looker->asked, &looker->lock);
		pthread_mutex_unlock(&looker->lock);
		look_at_all(looker);
		pthread_mutex_lock(&looker->lock);
		looker->is_asked = false;
		if (looker->is_left)
			break;
		pthread_cond_signal(&looker->answered);
	}
	pthread_mutex_unlock(&looker->lock);
	pthread_mutex_lock(&looking.lock);
	for (struct looker **at = &looking.stuck; *at; at = &(*at)->next) {
		if (*at != looker)
			continue;
		*at = looker->next;
		looking.stuck_count--;
		break;
	}
	pthread_mutex_unlock(&looking.lock);
	free(looker);
	return NULL;
}

static struct looker *new_looker(void)
{
	struct looker *looker = calloc(1, sizeof(*looker));
	pthread_condattr_t clock;
	if (!looker)
		return NULL;
	pthread_mutex_init(&looker->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&looker->asked, NULL);
	pthread_cond_init(&looker->answered, &clock);
	pthread_condattr_destroy(&clock);
	if (start_thread(look_on, looker) == 0)
		return looker;
	free(looker);
	return NULL;
}

/* Whether it waits for something other than a processor, of which a busy machine may have none for it for a while. */
static bool is_blocked(struct looker *looker)
{
	char path[64], text[256] = {0}, *state;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", __atomic_load_n(&looker->tid, __ATOMIC_RELAXED));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return looker->tid != 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	state = n > 0 ? strrchr(text, ')') : NULL;
	return state && state[1] == ' ' && state[2] != 'R';
}

/* One that is idle or new; NULL where one is stuck with the process already, or too many are. */
static struct looker *take_looker(u32 pid, u32 *patience_ms)
{
	struct looker *looker = NULL;
	pthread_mutex_lock(&looking.lock);
	bool is_stuck = looking.stuck_count >= LOOK_MAX_STUCK;
	for (struct looker *at = looking.stuck; at && !is_stuck; at = at->next)
		is_stuck = at->pid == pid;
	*patience_ms = LOOK_PATIENCE_MS / (1 + looking.stuck_count);
	if (!is_stuck && looking.idle) {
		looker = looking.idle;
		looking.idle = looker->next;
	} else if (!is_stuck) {
		looker = new_looker();
	}
	if (!looker)
		looking.unanswered++;
	pthread_mutex_unlock(&looking.lock);
	if (*patience_ms < LOOK_LEAST_MS)
		*patience_ms = LOOK_LEAST_MS;
	return looker;
}

static void give_looker_back(struct looker *looker, bool is_stuck)
{
	struct looker **list = is_stuck ? &looking.stuck : &looking.idle;
	pthread_mutex_lock(&looking.lock);
	looker->next = *list;
	*list = looker;
	if (is_stuck) {
		looking.stuck_count++;
		looking.unanswered++;
	}
	pthread_mutex_unlock(&looking.lock);
}

/*
 * look(pid, request: Uint8Array, answer: Uint8Array(LOOK_ANSWER_BYTES)) → bytes of answers: of the first questions, if one of them was not
 * answered in time; -1 where none was asked. The request is at most LOOK_REQUEST_BYTES.
 */
static napi_value look(napi_env env, napi_callback_info info)
{
	size_t argc = 3, request_bytes = 0, answer_bytes = 0;
	napi_value args[3], result;
	void *request = NULL, *answer = NULL;
	u32 pid = 0, patience_ms;
	s32 told = -1;
	napi_get_cb_info(env, info, &argc, args, NULL, NULL);
	napi_get_value_uint32(env, args[0], &pid);
	napi_get_typedarray_info(env, args[1], NULL, &request_bytes, &request, NULL, NULL);
	napi_get_typedarray_info(env, args[2], NULL, &answer_bytes, &answer, NULL, NULL);
	if (request_bytes > LOOK_REQUEST_BYTES || answer_bytes < LOOK_ANSWER_BYTES)
		return fail(env, EINVAL, "look");
	struct looker *looker = take_looker(pid, &patience_ms);
	if (looker) {
		pthread_mutex_lock(&looker->lock);
		looker->pid = pid;
		memcpy(looker->request, request, request_bytes);
		looker->request_bytes = request_bytes;
		looker->answer_bytes = 0;
		looker->is_asked = true;
		pthread_cond_signal(&looker->asked);
		for (int turns = 0; looker->is_asked && turns < LOOK_MAX_TURNS; turns++) {
			struct timespec until;
			clock_gettime(CLOCK_MONOTONIC, &until);
			until.tv_sec += (until.tv_nsec + patience_ms * 1000000ull) / 1000000000;
			until.tv_nsec = (until.tv_nsec + patience_ms * 1000000ull) % 1000000000;
			while (looker->is_asked && pthread_cond_timedwait(&looker->answered, &looker->lock, &until) == 0)
				;
			if (looker->is_asked && is_blocked(looker))
				break;
		}
		bool is_stuck = looker->is_asked;
		told = __atomic_load_n(&looker->answer_bytes, __ATOMIC_ACQUIRE);
		memcpy(answer, looker->answer, told);
		/* Listed before it may go: it takes itself off the list. */
		give_looker_back(looker, is_stuck);
		looker->is_left = is_stuck;
		pthread_mutex_unlock(&looker->lock);
	}
	napi_create_int32(env, told, &result);
	return result;
}

/*
 * leave(code): ends the process at once, whatever its threads do. Node itself waits for those of its pool, and so for a file system that does not
 * answer.
 */
static napi_value leave(napi_env env, napi_callback_info info)
{
	size_t argc = 1;
	napi_value code;
	int32_t number = 0;
	napi_get_cb_info(env, info, &argc, &code, NULL, NULL);
	napi_get_value_int32(env, code, &number);
	_exit(number);
}

/* unanswered() → how often a process could not be looked at, or not wholly. */
static napi_value read_unanswered(napi_env env, napi_callback_info info)
{
	(void)info;
	napi_value result;
	pthread_mutex_lock(&looking.lock);
	napi_create_double(env, (double)looking.unanswered, &result);
	pthread_mutex_unlock(&looking.lock);
	return result;
}

/* ---------------------------------------------------------------- what is there */

/* probeFeatures() → { btf, ringBuffer: errno, loader: errno }: 0 is "works". */
static napi_value probe_features(napi_env env, napi_callback_info info)
{
	(void)info;
	napi_value result, v;
	napi_create_object(env, &result);
	napi_create_int32(env, access("/sys/kernel/btf/vmlinux", R_OK) == 0 ? 0 : errno, &v);
	napi_set_named_property(env, result, "btf", v);

	union bpf_attr attr = {0};
	attr.map_type = BPF_MAP_TYPE_RINGBUF;
	attr.max_entries = sysconf(_SC_PAGESIZE);
	int fd = syscall(__NR_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	napi_create_int32(env, fd < 0 ? errno : 0, &v);
	napi_set_named_property(env, result, "ringBuffer", v);
	if (fd >= 0)
		close(fd);

	/* `r0 = 0; exit` as a program that makes system calls: the kind that the loader is. */
	static const struct bpf_insn nothing[] = {{.code = 0xb7}, {.code = 0x95}};
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SYSCALL;
	attr.insns = (u64)(uintptr_t)nothing;
	attr.insn_cnt = 2;
	attr.license = (u64)(uintptr_t) "Dual MIT/GPL";
	attr.prog_flags = BPF_F_SLEEPABLE;
	fd = syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	napi_create_int32(env, fd < 0 ? errno : 0, &v);
	napi_set_named_property(env, result, "loader", v);
	if (fd >= 0)
		close(fd);
	return result;
}

/* loadLog() → the end of what the kernel says of the probe when it is loaded once more; for reports of a failed load. */
static napi_value read_load_log(napi_env env, napi_callback_info info)
{
	(void)info;
	napi_value result;
	load_log = calloc(1, LOG_BYTES);
	if (!load_log)
		return fail(env, ENOMEM, "memory");
	struct probe *probe = load_probe(1 << 16, 1, true);
	if (probe)
		probe__destroy(probe);
	size_t length = strnlen(load_log, LOG_BYTES - 1), told = length < LOG_TOLD ? length : LOG_TOLD;
	napi_create_string_latin1(env, load_log + length - told, told, &result);
	free(load_log);
	load_log = NULL;
	return result;
}

/* layout() → sizes and offsets that the reader in TypeScript relies on. */
static napi_value read_layout(napi_env env, napi_callback_info info)
{
	(void)info;
	napi_value result, v;
	napi_create_object(env, &result);
	const struct {
		const char *name;
		u32 value;
	} rows[] = {
		{"prefixBytes", sizeof(struct record_prefix)},
		{"headerBytes", sizeof(struct event_header)},
		{"cpuAt", offsetof(struct record_prefix, cpu)},
		{"lostAt", offsetof(struct record_prefix, lost)},
		{"tsAt", offsetof(struct event_header, ts_ns)},
		{"tidAt", offsetof(struct event_header, tid)},
		{"lenAt", offsetof(struct event_header, len)},
		{"typeAt", offsetof(struct event_header, type)},
		{"paramCountAt", offsetof(struct event_header, param_count)},
		{"kindAt", offsetof(struct record_prefix, kind)},
		{"syscallLimit", SYSCALL_LIMIT},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		napi_create_uint32(env, rows[i].value, &v);
		napi_set_named_property(env, result, rows[i].name, v);
	}
	return result;
}

/* supported() → Uint8Array(512): 1 where a system call has an event of its own here, 0 where it becomes a generic one. */
static napi_value read_supported(napi_env env, napi_callback_info info)
{
	(void)info;
	napi_value buffer, result;
	u8 *out;
	napi_create_arraybuffer(env, SYSCALL_LIMIT, (void **)&out, &buffer);
	memset(out, 0, SYSCALL_LIMIT);
	struct probe *probe = probe__open();
	if (probe) {
		for (u32 i = 0; i < SYSCALL_LIMIT; i++)
			out[i] = probe->rodata->simple_events[i].code != 0 || probe->rodata->families[i] != 0;
		probe__destroy(probe);
	}
	napi_create_typedarray(env, napi_uint8_array, SYSCALL_LIMIT, buffer, 0, &result);
	return result;
}

NAPI_MODULE_INIT()
{
	const struct {
		const char *name;
		napi_callback call;
	} functions[] = {
		{"probeFeatures", probe_features}, {"loadEarly", begin_to_load}, {"open", open_live}, {"next", next_span},
		{"setFilter", set_filter},         {"setWanted", set_wanted},   {"setRunning", set_running}, {"counters", read_counters},
		{"backlog", read_backlog},         {"wait", wait_for_events},   {"cancel", cancel_wait},
		{"close", close_live},             {"loadLog", read_load_log},  {"layout", read_layout},
		{"supported", read_supported},     {"watchLibrary", watch_library}, {"unwatchLibrary", unwatch_library},     {"beat", check_beat},
		{"selfPid", read_self_pid}, {"look", look}, {"unanswered", read_unanswered}, {"leave", leave},
	};
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		napi_value f;
		napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &f);
		napi_set_named_property(env, exports, functions[i].name, f);
	}
	return exports;
}
