/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_GEN_H
#define PYRITE_GEN_H
/*
 * What generated code uses of the runtime: tables that describe an interface, and the few functions
 * behind its stubs. Programs include <pyrite/pyrite.h>, not this. Names with two underscores after
 * pyr are exported for generated code only. PYR_GEN_ABI (pyrite.h) counts incompatible changes of
 * this file: generated code refuses to be compiled with another, the library to run with another.
 *
 * Tables are constant and hold no descriptors: the runtime builds protobuf-c's from them once, at
 * first use.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* How a value looks in C (first column) and on the wire (second: the protobuf type). */
enum pyr__kind {
	PYR__BOOL = 1, /* bool                          bool */
	PYR__CHAR,     /* char (Latin-1)                uint32 */
	PYR__WCHAR,    /* uint32_t (code point)         uint32 */
	PYR__INT8,     /* int8_t                        int32 */
	PYR__UINT8,    /* uint8_t (octet)               uint32 */
	PYR__INT16,    /* int16_t                       int32 */
	PYR__UINT16,   /* uint16_t                      uint32 */
	PYR__INT32,    /* int32_t                       int32 */
	PYR__UINT32,   /* uint32_t                      uint32 */
	PYR__INT64,    /* int64_t                       int64 */
	PYR__UINT64,   /* uint64_t                      uint64 */
	PYR__FLOAT,    /* float                         float */
	PYR__DOUBLE,   /* double                        double */
	PYR__ENUM,     /* enum X (as int32_t)           enum */
	PYR__STRING,   /* const char *                  string */
	PYR__BYTES,    /* struct pyr_bytes              bytes */
	PYR__STRUCT,   /* struct X                      message */
	PYR__UNION,    /* struct X { D _d; union _u }   message {discriminator = 1, members from 2};
			  @oneof: oneof */
	PYR__SEQUENCE, /* struct X { size_t n; T *items; }                          repeated T */
	PYR__ARRAY,    /* T x[n]..., row-major; as a type of its own struct X { T items[n]...; }
			  repeated T */
	PYR__MAP, /* struct X { size_t n; struct X_entry { K key; V value; } *items; }       map<K,
		     V> */
	PYR__INTERFACE, /* struct X *                    pyrite.Reference */
	PYR__ANY,       /* const pyr_any *               google.protobuf.Any */
	PYR__OBJECT     /* pyr_object *                  pyrite.Reference */
};

enum pyr__field_flags {
	PYR__OPTIONAL = 1, /* may be absent. In a struct: bool at has_offset beside it. As a
			      parameter or result: a pointer, NULL = absent */
	PYR__DEFAULT = 2,  /* always sent; value (of the C type) stands for it when it is absent */
	PYR__WHOLE = 4     /* of a parameter, result or item that is alone: a struct whose message
			      is the request, reply or item itself, @message */
};

struct pyr__type;
struct pyr__interface;

/*
 * One member of a struct, union or collection, or one parameter or result. A sequence, array or map
 * inside a sequence, array or map, or one that is optional, travels in a wrapper message with the
 * one field items = 1.
 */
struct pyr__field {
	uint32_t id;         /* field number on the wire */
	const char *name;    /* on the wire */
	uint8_t kind;        /* enum pyr__kind */
	uint8_t flags;       /* enum pyr__field_flags */
	uint32_t offset;     /* in its C struct; 0 for parameters */
	uint32_t has_offset; /* of bool has_x, for an optional struct member */
	uint32_t bound;      /* most characters (bytes of UTF-8) of a string<n>, most bytes of a
				sequence<octet, n>; 0 = none */
	const struct pyr__type *type; /* ENUM and from STRUCT on; NULL for ANY, OBJECT */
	const void *value; /* PYR__DEFAULT: its C value (a string: a const char *const *) */
};

struct pyr__label {
	int64_t value;  /* of the discriminator */
	uint32_t field; /* index into the union's fields; 0 = the value selects no member */
};

struct pyr__enumerator {
	const char *name;
	int32_t value;
};

/* A type of its own: enum, struct, exception, union, sequence, array, map, interface. */
struct pyr__type {
	uint8_t kind;
	uint8_t oneof;    /* UNION: 1 = a plain protobuf oneof, no discriminator on the wire */
	uint16_t status;  /* of an exception: enum pyr_status */
	const char *name; /* full protobuf name, "example.Point"; of the wrapper for a collection */
	uint32_t size;    /* sizeof the C type; ENUM: 4 */
	uint32_t bound; /* most elements of a SEQUENCE or MAP, 0 = none; ARRAY: exact total count */
	uint32_t n_fields; /* STRUCT: members. UNION: [0] the discriminator, then members (id from
			      2) */
	const struct pyr__field *fields; /* SEQUENCE, ARRAY: [0] the element. MAP: [0] key, [1]
					    value, offsets in an entry */
	uint32_t entry_size;             /* MAP: sizeof an entry */
	uint32_t n_labels;               /* UNION: every case label; */
	uint32_t default_field;          /* UNION: index of the member of other values, 0 = none */
	const struct pyr__label *labels; /* sorted by value */
	uint32_t n_enumerators;          /* ENUM */
	const struct pyr__enumerator *enumerators; /* in order of declaration */
	const struct pyr__interface *interface;    /* INTERFACE; NULL: only declared here */
	uint64_t fingerprint; /* of a named type: over the names, ids and types of all its parts;
				 0 = not known */
};

/* The value of one parameter or result: scalars by value, strings as s (optional: NULL = absent),
 * references as p, everything else and every optional as p, a pointer to the C value. */
union pyr__slot {
	bool b;
	char c;
	int8_t i8;
	uint8_t u8;
	int16_t i16;
	uint16_t u16;
	int32_t i32; /* also enums */
	uint32_t u32;
	int64_t i64;
	uint64_t u64;
	float f;
	double d;
	const char *s;
	const void *p;
};

typedef const union pyr__slot pyr__in;
typedef union pyr__slot pyr__out;
#define PYR__IN(...)  ((union pyr__slot[]){ __VA_ARGS__ })
#define PYR__OUT(...) ((void *[]){ __VA_ARGS__ })

/*
 * Calls the method in the table: in has a slot per in-parameter, out one per result, zeroed.
 * Returns what the method returns.
 */
typedef int pyr__shim(pyr_call *call, const void *methods, pyr__in *in, pyr__out *out);

/* Defines a shim whose body is one call of the method. */
#define PYR__SHIM(name, call_of_method)                                                            \
	static int name(pyr_call *call, const void *methods, pyr__in *in, pyr__out *out)           \
	{                                                                                          \
		(void)in;                                                                          \
		(void)out;                                                                         \
		return call_of_method;                                                             \
	}

enum pyr__operation_flags {
	PYR__ONEWAY = 1,
	PYR__IDEMPOTENT = 2,
	PYR__INLINE = 4,
	PYR__STREAM_IN = 16, /* a parameter is a stream */
	PYR__STREAM_OUT = 32 /* the result is one */
};

struct pyr__operation {
	const char *name; /* "example.Server.add", after the interface that declares it */
	pyr__shim *shim;
	/* n_in parameters, then n_out results, the return value first, then an item of the
	 * parameter that is a stream, then one of the result that is */
	const struct pyr__field *fields;
	uint16_t n_in, n_out;
	uint32_t flags;                        /* enum pyr__operation_flags */
	uint32_t timeout_ms;                   /* @timeout; 0 = none */
	const struct pyr__type *const *raises; /* NULL-terminated; NULL = none */
	uint64_t fingerprint;                  /* over names, ids and types of all it uses */
};

/* Operations stand in the order of the methods table, which holds one function pointer for each,
 * bases' first. */
struct pyr__interface {
	uint32_t abi;     /* PYR_GEN_ABI; the first member in every version */
	const char *name; /* "example.Server" */
	const struct pyr__operation *operations;
	uint32_t n_operations;
	uint64_t fingerprint;
	const char *const *bases; /* names of all its bases, NULL-terminated; NULL = none */
	/* Doc comments: its own, then those of its operations; each NULL if there is none.
	 * docs is NULL if there are none at all. */
	const char *const *docs;
};

/* Calls operation number op: packs in, waits, stores the results through out (one pointer per
 * result, NULL = not wanted). */
int pyr__call(void *proxy, const struct pyr__interface *interface, unsigned op, pyr__in *in,
	      void *const *out);
pyr_future *pyr__start(void *proxy, const struct pyr__interface *interface, unsigned op,
		       pyr__in *in);
/* Calls an operation `count` times: each slot of in is an array of that parameter, each pointer of
 * out an array of that result. size: as with pyr__proxy_new(). */
int pyr__map(void *proxy, const struct pyr__interface *interface, unsigned op, size_t count,
	     pyr__in *in, void *const *out, const struct pyr_map_options *options, size_t size);
/* Takes the future. */
int pyr__get(pyr_future *future, const struct pyr__operation *operation, void *const *out);
/* Takes the deferred. */
int pyr__reply(pyr_deferred *deferred, const struct pyr__operation *operation, pyr__in *out);

/*
 * Streams. The caller opens the call, writes items of the parameter's stream and takes (next) those
 * of the result's; finish takes the stream and stores the results. The method gets its end with
 * pyr__stream(), reads the parameter's and yields the result's. What is read is borrowed until the
 * next read.
 */
int pyr__open(void *proxy, const struct pyr__interface *interface, unsigned op, pyr__in *in,
	      pyr_stream **ret);
int pyr__write(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item);
int pyr__next(pyr_stream *stream, const struct pyr__operation *operation, void *ret);
int pyr__finish(pyr_stream *stream, const struct pyr__operation *operation, void *const *out);
pyr_stream *pyr__stream(pyr_call *call);
int pyr__read(pyr_stream *stream, const struct pyr__operation *operation, void *ret);
int pyr__yield(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item);
/* As write and yield, but returns 1 where those would wait. */
int pyr__try_write(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item);
int pyr__try_yield(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item);

/* size: of the caller's struct of options, which may be of another version. */
void *pyr__proxy_new(const struct pyr__interface *interface, const char *uri,
		     const struct pyr_proxy_options *options, size_t size);
void *pyr__proxy_from_fd(const struct pyr__interface *interface, int fd, const char *object,
			 const struct pyr_proxy_options *options, size_t size);
void *pyr__proxy_dup(void *proxy);
void *pyr__with(void *proxy, const struct pyr_call_options *options, size_t size);
void *pyr__batch(pyr_batch *batch, const struct pyr__interface *interface);
void pyr__proxy_free(void *proxy);
/* A proxy of the wanted interface for the same object, owned; NULL if the object does not have it.
 */
void *pyr__narrow(void *proxy, const struct pyr__interface *interface);
const char *pyr__register(pyr_daemon *daemon, const struct pyr__interface *interface,
			  const char *id, const void *methods, void *data);
/* A proxy of a local object: of a new one with these methods, or of one that is registered. */
void *pyr__object(const struct pyr__interface *interface, pyr_daemon *daemon, const void *methods,
		  void *data, pyr_release_cb on_release);
void *pyr__object_of(const struct pyr__interface *interface, pyr_daemon *daemon, const char *id);
/* Takes the proxy, and returns it, borrowed until the call has been answered. */
void *pyr__give(pyr_call *call, void *proxy);

/* Defines the functions that the header declares for each interface besides its operations. */
#define PYR__PROXY_FUNCTIONS(I)                                                                    \
	struct I *I##_proxy(const char *uri)                                                       \
	{                                                                                          \
		return pyr__proxy_new(&I##_interface, uri, NULL, 0);                               \
	}                                                                                          \
	struct I *I##_proxy_with(const char *uri, const struct pyr_proxy_options *options)         \
	{                                                                                          \
		return pyr__proxy_new(&I##_interface, uri, options, sizeof(*options));             \
	}                                                                                          \
	struct I *I##_proxy_from_fd(int fd, const char *object,                                    \
				    const struct pyr_proxy_options *options)                       \
	{                                                                                          \
		return pyr__proxy_from_fd(&I##_interface, fd, object, options, sizeof(*options));  \
	}                                                                                          \
	struct I *I##_narrow(pyr_proxy *proxy)                                                     \
	{                                                                                          \
		return pyr__narrow(proxy, &I##_interface);                                         \
	}                                                                                          \
	struct I *I##_dup(struct I *self)                                                          \
	{                                                                                          \
		return pyr__proxy_dup(self);                                                       \
	}                                                                                          \
	struct I *I##_with(struct I *self, const struct pyr_call_options *options)                 \
	{                                                                                          \
		return pyr__with(self, options, sizeof(*options));                                 \
	}                                                                                          \
	struct I *I##_batch(pyr_batch *batch)                                                      \
	{                                                                                          \
		return pyr__batch(batch, &I##_interface);                                          \
	}                                                                                          \
	pyr_proxy *I##_as_proxy(struct I *self)                                                    \
	{                                                                                          \
		return (pyr_proxy *)self;                                                          \
	}                                                                                          \
	void I##_free(struct I *self)                                                              \
	{                                                                                          \
		pyr__proxy_free(self);                                                             \
	}                                                                                          \
	const char *I##_register(pyr_daemon *daemon, const char *id,                               \
				 const struct I##_methods *methods, void *data)                    \
	{                                                                                          \
		return pyr__register(daemon, &I##_interface, id, methods, data);                   \
	}                                                                                          \
	struct I *I##_object(pyr_daemon *daemon, const struct I##_methods *methods, void *data,    \
			     pyr_release_cb on_release)                                            \
	{                                                                                          \
		return pyr__object(&I##_interface, daemon, methods, data, on_release);             \
	}                                                                                          \
	struct I *I##_object_of(pyr_daemon *daemon, const char *id)                                \
	{                                                                                          \
		return pyr__object_of(&I##_interface, daemon, id);                                 \
	}                                                                                          \
	struct I *I##_give(pyr_call *call, struct I *self)                                         \
	{                                                                                          \
		return pyr__give(call, self);                                                      \
	}

/* A deep copy: one block, pyr_free(), or memory of the call if that is not NULL. */
void *pyr__dup(pyr_call *call, const struct pyr__type *type, const void *value);
/* Puts a copy of a value into an any: one block, likewise. pyr__from_any() takes it out: *ret is
 * one block, or of an enum its value as an int32_t. */
pyr_any *pyr__to_any(pyr_call *call, const struct pyr__type *type, const void *value);
int pyr__from_any(const pyr_any *any, const struct pyr__type *type, void *ret);

/* Defines the functions that the header declares for each type that is a struct, and for enums. */
#define PYR__VALUE_FUNCTIONS(X)                                                                    \
	struct X *X##_dup(pyr_call *call, const struct X *self)                                    \
	{                                                                                          \
		return pyr__dup(call, &X##_type, self);                                            \
	}                                                                                          \
	pyr_any *X##_to_any(pyr_call *call, const struct X *self)                                  \
	{                                                                                          \
		return pyr__to_any(call, &X##_type, self);                                         \
	}                                                                                          \
	int X##_from_any(const pyr_any *any, struct X **ret)                                       \
	{                                                                                          \
		return pyr__from_any(any, &X##_type, ret);                                         \
	}
#define PYR__ENUM_FUNCTIONS(X)                                                                     \
	pyr_any *X##_to_any(pyr_call *call, enum X self)                                           \
	{                                                                                          \
		int32_t item = (int32_t)self;                                                      \
                                                                                                   \
		return pyr__to_any(call, &X##_type, &item);                                        \
	}                                                                                          \
	int X##_from_any(const pyr_any *any, enum X *ret)                                          \
	{                                                                                          \
		int32_t item;                                                                      \
		int status = pyr__from_any(any, &X##_type, &item);                                 \
                                                                                                   \
		if (status == 0 && ret)                                                            \
			*ret = (enum X)item;                                                       \
		return status;                                                                     \
	}

int pyr__raise(pyr_call *call, const char *file, int line, const struct pyr__type *type,
	       const void *value);
/* The fields of the thread's last error if it is of this exception, else NULL. */
const void *pyr__caught(const struct pyr__type *type);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
