# SPDX-License-Identifier: MIT
"""The conversations that are recorded for each release, and the fields that vary in each."""

import recording

KEY = bytes(range(32))
URI = "PYRO:talk@./u:talk.sock"
LINK = ("client hello.agent", "server hello.agent", "server hello.from")
ALL = {}


def link(name, title, *varies, server=(), key=None, credit=0, common=LINK):
    made = ALL[name] = recording.Recording(title)
    made.programs = {"server": ["promises-server", "real.sock", "at=./u:talk.sock", *server],
                     "client": ["promises-client", name, URI]}
    made.key = key
    made.most = [("client", "credit.bytes", credit)] if credit else []
    for one in common + varies:
        recording.take_head(made, "varies", one)
    return made


link("call", "calls with their answers")
link("oneway", "a oneway call, and what came of it")
link("exception", "an exception, and another error", "server error.correlation_id")
link("deferred", "a call that is answered after its method has returned")
link("batch", "a batch, whose third call is refused")
link("stream_from", "streams of results, the second of which ends with an exception", "client call.token",
     "server error.correlation_id",
     credit=8 * 34)
link("stream_to", "a stream as a parameter", "client call.token")
link("stream_both", "streams in both directions", "client call.token")
link("resume", "a stream that outlives its connection", "client call.token")
link("references", "an object that is passed, called and given back, and one that is returned",
     "client call.references[]", "server reply.references[]", "server call.chain", "server bind.chain")
link("sessions", "proxies that share a connection")
link("cancel", "a call that is cancelled")
link("deadline", "calls with deadlines", "client call.time_left")
link("goaway", "a server that stops", "server goaway.message", "server error.message")
link("unknown", "an object that is not there", "server bound.message", "server error.message")
link("key", "ends that have a shared key", "client hello.nonce", "server hello.nonce", server=("key",), key=KEY)
link("greet", "a handshake of the application", server=("greet",))
ALL["unknown"].programs["client"][2] = "PYRO:nothing@./u:talk.sock"

names = link("names", "a name that is registered, looked up, listed, watched and removed",
             "client call.time_left", "client call.token", "client call.payload.claim.secret", "server error.correlation_id",
             "server error.message", "server error.trace", "server item.payload.ret.epoch", credit=106 + 95)
names.programs = {"server": ["pyrite-ns", "--unix-socket", "real.sock", "--storage", "memory"],
                  "client": ["promises-client", "names", "./u:talk.sock"]}


link("context", "ids and annotations of a call, and of its answer")

# gRPC's core decides when to update windows and to send pings.
plain = link("plain", "calls of plain gRPC", "client headers.user-agent", "client settings.*", "server settings.*",
             common=())
lane = link("lane_grpc", "calls over a link in a stream of gRPC", "client hello.agent", "server hello.agent",
            "server hello.from", "client headers.user-agent", "client settings.*", "server settings.*", common=())
for made in (plain, lane):
    made.ignores = [(role, kind) for role in ("client", "server") for kind in ("window_update", "ping")]
# Whether these still leave, when the client's process ends, depends on which end is quicker.
lane.ignores += [("client", "end_stream"), ("server", "trailers"), ("server", "rst_stream")]

for form in ("serpent", "msgpack", "json"):
    made = link(f"pyro_{form}", f"a client of Pyro4 calls, with {form}", "server annotation.STRM", common=())
    del made.programs["client"]
    made.foreign = {"client": ["foreign.py", form]}

made = link("pyro", "calls to a daemon of Pyro4", "client hello.agent", common=())
del made.programs["server"]
made.foreign = {"server": ["foreign.py", "serve"]}

made = link("http", "calls by HTTP and JSON", "server header.date", "server header.x-correlation-id", "server body.correlation_id",
            "server body.message", "server header.content-length",
            common=())
del made.programs["client"]
made.foreign = {"client": ["foreign.py", "http"]}
