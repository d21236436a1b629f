# calmirror. `make` builds, `make demo` shows it, `make check` tests it; `make help` lists the rest.

VERSION := 0.1.0

# These run a make of their own, so beside another goal two would write the same files: one goal after another then.
OWN_MAKE := all install demo unit check check-asan check-tsan check-valgrind bench soak fuzz
ifneq (,$(and $(word 2,$(MAKECMDGOALS)),$(filter $(OWN_MAKE),$(MAKECMDGOALS))))
.NOTPARALLEL:
.PHONY: $(MAKECMDGOALS)
$(sort $(MAKECMDGOALS)):
	@+$(MAKE) --no-print-directory $@
else

B      ?= build
PREFIX ?= /usr/local

PKGS    := libcurl libmicrohttpd gnutls json-c lmdb openssl zlib libxxhash libical
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef \
           -Wswitch-enum -Wno-psabi
CFLAGS  ?= -O2 -g
# Fortification is of no use, and warned about, without optimisation.
FORTIFY  = $(if $(filter -O0,$(CFLAGS) $(EXTRA_CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
HARDEN   = -fstack-protector-strong -fstack-clash-protection -fPIE $(FORTIFY)
# For 32 bits, where glibc (2.34 or later) asks: times beyond 2038, file sizes and inodes beyond 32 bits. It is without effect
# elsewhere. A library may have been built without, so none is called that takes or gives a time_t or off_t; the lint looks.
WIDE     = -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
ALL_CPPFLAGS = -I. -D_GNU_SOURCE $(WIDE) -DCALMIRROR_VERSION='"$(VERSION)"' $(PKG_CFLAGS) $(CPPFLAGS) $(EXTRA_CPPFLAGS)
ALL_CFLAGS   = -std=gnu2x $(WARN) $(HARDEN) $(CFLAGS) $(EXTRA_CFLAGS) -ffile-prefix-map=$(CURDIR)=.
ALL_LDFLAGS  = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed -pthread $(LDFLAGS)
# Asked for once, and only when something is compiled: pkg-config may be what `make deps` has yet to install.
PKG_CFLAGS   = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null))$(PKG_CFLAGS)
PKG_LIBS     = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null))$(PKG_LIBS)

# ---- what is built -----------------------------------------------------------------------------------

LIB_SRC  := $(sort $(wildcard core/*/*.c core/*/*/*.c storage/*.c))
# `calmirrord --resync` asks a running service just as `calmirror resync` does.
D_SRC    := $(sort $(wildcard cmd/calmirrord/*.c)) $(patsubst %,cmd/calmirror/%.c,asked client fields resync term token)
C_SRC    := $(sort $(wildcard cmd/calmirror/*.c))
EMU_SRC  := $(sort $(wildcard tests/emulator/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
TOOL_SRC := $(wildcard tests/fuzz/replay.c tests/recurrence/expand.c) $(sort $(wildcard tests/bench/*.c))
obj       = $(patsubst %.c,$(B)/obj/%.o,$(1))

PROGRAMS := $(if $(D_SRC),$(B)/calmirrord) $(if $(C_SRC),$(B)/calmirror) $(if $(EMU_SRC),$(B)/gcal-emulator)
UNIT     := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))
FUZZ     := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRC))
BENCH    := $(patsubst tests/bench/%.c,$(B)/bench/%,$(sort $(wildcard tests/bench/*.c)))
OBJ      := $(call obj,$(LIB_SRC) $(D_SRC) $(C_SRC) $(EMU_SRC) $(UNIT_SRC) $(FUZZ_SRC) $(TOOL_SRC))

# All cores, unless the caller said -j.
JOBS      = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))
SUBMAKE   = $(MAKE) --no-print-directory $(JOBS)

.PHONY: all programs tests docs deps test-deps demo check check-asan check-tsan check-valgrind unit bench soak chaos fuzz install \
        uninstall clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all:
	@+$(SUBMAKE) programs
programs: $(PROGRAMS)
tests: $(UNIT) $(FUZZ) $(BENCH) $(B)/recur-expand $(B)/clock-shim.so $(B)/memory-shim.so programs

# Says what is made in a word; V=1 shows the commands.
Q   = $(if $(V),,@)
SAY = @$(if $(V),:,printf '  %-4s %s\n')
LINK = $(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(PKG_LIBS) -lm

$(B)/libcalmirror.a: $(call obj,$(LIB_SRC))
	$(SAY) AR $@
	@rm -f $@
	$(Q)$(AR) rcD $@ $^
$(B)/calmirrord: $(call obj,$(D_SRC)) $(B)/libcalmirror.a
	$(SAY) LINK $@
	$(LINK)
$(B)/calmirror: $(call obj,$(C_SRC)) $(B)/libcalmirror.a
	$(SAY) LINK $@
	$(LINK)
$(B)/gcal-emulator: $(call obj,$(EMU_SRC))
	$(SAY) LINK $@
	$(LINK)
# A unit test may include the .c it tests, to reach its statics.
$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libcalmirror.a | $(B)/unit/
	$(SAY) LINK $@
	$(LINK) -lcmocka
$(B)/bench/%: $(B)/obj/tests/bench/%.o $(B)/libcalmirror.a | $(B)/bench/
	$(SAY) LINK $@
	$(LINK)
$(B)/recur-expand: $(B)/obj/tests/recurrence/expand.o $(B)/libcalmirror.a
	$(SAY) LINK $@
	$(LINK)
# Preloaded by tests that turn the clocks or let memory run out; without sanitizers, whose own hooks they would pass by.
$(B)/%-shim.so: tests/e2e/%_shim.c | $(B)/
	$(SAY) LINK $@
	$(Q)$(CC) -std=gnu2x $(WARN) $(WIDE) -O2 -fPIC -shared -pthread -o $@ $<
$(B)/chaos.so: tests/chaos/chaos.c | $(B)/
	$(SAY) LINK $@
	$(Q)$(CC) -std=gnu2x $(WARN) $(WIDE) -O2 -fPIC -shared -pthread -o $@ $<
# Reads each file of a corpus once. With FUZZER=1 (see `fuzz`) the driver is libFuzzer's instead.
$(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(if $(FUZZER),,$(B)/obj/tests/fuzz/replay.o) $(B)/libcalmirror.a | $(B)/fuzz/
	$(SAY) LINK $@
	$(LINK) $(if $(FUZZER),-fsanitize=fuzzer)

$(OBJ): $(B)/flags
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

%/:
	@mkdir -p $@

# Holds the command line of the compiler; rewritten, and so everything rebuilt, only when that changes.
$(B)/flags: FORCE | $(B)/
	@pkg-config --exists $(PKGS) 2>/dev/null || { .ci/deps --missing; exit 1; }
	@printf '%s\n' '$(subst ','\'',$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(PKG_LIBS))' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# The commit is compiled into this one object, which is made anew when it is another.
$(B)/obj/core/daemon/build.o: private ALL_CPPFLAGS += -DCALMIRROR_COMMIT='"$(shell cat $(B)/commit)"'
$(B)/obj/core/daemon/build.o: $(B)/commit
$(B)/commit: FORCE | $(B)/
	@git describe --always --dirty --abbrev=12 --match= >$@.new 2>/dev/null || \
	    cat $@ >$@.new 2>/dev/null || echo unknown >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

-include $(OBJ:.o=.d)

# ---- what it needs -----------------------------------------------------------------------------------

deps:
	@.ci/deps
test-deps:
	@.ci/deps --tests

# ---- seeing and testing it ---------------------------------------------------------------------------

demo: deps
	@+$(SUBMAKE) programs
	@B=$(B) tests/demo/run

unit:
	@+$(SUBMAKE) $(UNIT)
	@tests/unit/run $(B)
check: test-deps
	@+MAKE='$(SUBMAKE)' B='$(B)' tests/run default
check-asan: test-deps
	@+MAKE='$(SUBMAKE)' B='$(B)' tests/run asan
check-tsan: test-deps
	@+MAKE='$(SUBMAKE)' B='$(B)' tests/run tsan
check-valgrind: test-deps
	@+MAKE='$(SUBMAKE)' B='$(B)' tests/run valgrind
bench:
	@.ci/deps --bench
	@+$(SUBMAKE) programs $(BENCH)
	@B=$(B) tests/bench/run
# What is random from new seeds, then schedules of edits and failures for as long as told: make soak SECONDS=3600
soak: test-deps
	@+MAKE='$(SUBMAKE)' B='$(B)' tests/run soak $(or $(SECONDS),600)
# The unit tests among random pauses, from new seeds, for as long as told: make chaos SECONDS=600
chaos: test-deps
	@+$(SUBMAKE) $(UNIT) $(B)/chaos.so programs
	@tests/chaos/run $(B) $(or $(SECONDS),600)
# Every parser of outside bytes, or TARGET alone, SECONDS each (0: until it is stopped): make fuzz SECONDS=60 TARGET=conf
FUZZED = $(patsubst tests/fuzz/%.c,$(B)/fuzzer/fuzz/%,$(if $(TARGET),tests/fuzz/fuzz_$(TARGET).c,$(FUZZ_SRC)))
fuzz:
	@+$(SUBMAKE) CC=clang B=$(B)/fuzzer FUZZER=1 $(FUZZED) \
	    EXTRA_CFLAGS='-O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined'
	@tests/fuzz/run $(B)/fuzzer $(or $(SECONDS),60) $(TARGET)

# Brings config.example and the manual in step with the option table, API.md with those of the local API.
docs: $(B)/unit/test_conf $(B)/unit/test_serve_reference
	CALMIRROR_UPDATE=1 $(B)/unit/test_conf >/dev/null
	CALMIRROR_UPDATE=1 $(B)/unit/test_serve_reference >/dev/null

# ---- putting it in place -----------------------------------------------------------------------------

SYSCONFDIR ?= /etc
# What goes where; @sbindir@ and @bindir@ in it are replaced.
MAN      := $(sort $(wildcard cmd/*/*.[158]))
SBIN      = $(DESTDIR)$(PREFIX)/sbin
BIN       = $(DESTDIR)$(PREFIX)/bin
UNITS     = $(DESTDIR)$(PREFIX)/lib/systemd/system
SYSUSERS  = $(DESTDIR)$(PREFIX)/lib/sysusers.d
BASH      = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
DOC       = $(DESTDIR)$(PREFIX)/share/doc/calmirror
MANDIR    = $(DESTDIR)$(PREFIX)/share/man
CONFDIR   = $(DESTDIR)$(SYSCONFDIR)/calmirrord
man_dest  = $(foreach m,$(MAN),$(MANDIR)/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m)))
EXPAND    = sed -e 's|@sbindir@|$(PREFIX)/sbin|g' -e 's|@bindir@|$(PREFIX)/bin|g'

install: all
	install -d $(SBIN) $(BIN) $(UNITS) $(SYSUSERS) $(BASH) $(DOC) $(sort $(dir $(man_dest)))
	install -d -m 0755 $(CONFDIR)
	install -m 0755 $(B)/calmirrord $(SBIN)/calmirrord
	install -m 0755 $(B)/calmirror $(BIN)/calmirror
	$(EXPAND) cmd/calmirrord/calmirrord.service >$(UNITS)/calmirrord.service
	chmod 0644 $(UNITS)/calmirrord.service
	install -m 0644 cmd/calmirrord/*.socket $(UNITS)/
	install -m 0644 cmd/calmirrord/calmirrord.sysusers $(SYSUSERS)/calmirrord.conf
	install -m 0644 cmd/calmirrord/calmirrord.bash $(BASH)/calmirrord
	install -m 0644 cmd/calmirror/calmirror.bash $(BASH)/calmirror
	install -m 0644 config.example README.md cmd/calmirrord/alerts.yml $(DOC)/
	for m in $(MAN); do install -m 0644 $$m $(MANDIR)/man$${m##*.}/ || exit 1; done
	test -e $(CONFDIR)/calmirrord.conf || install -m 0644 config.example $(CONFDIR)/calmirrord.conf
# Leaves the configuration and the state.
uninstall:
	rm -f $(SBIN)/calmirrord $(BIN)/calmirror $(SYSUSERS)/calmirrord.conf \
	    $(UNITS)/calmirrord.service $(UNITS)/calmirrord-api.socket $(UNITS)/calmirrord-hook.socket \
	    $(BASH)/calmirrord $(BASH)/calmirror $(man_dest)
	rm -rf $(DOC)

clean:
	rm -rf $(B)

help:
	@printf '%s\n' \
	'make                  build the programs into $(B)/' \
	'make demo             install what is missing, build, and show the main job' \
	'make check            install what the tests need and run them all' \
	'make check-asan       the whole suite with AddressSanitizer and UBSan' \
	'make check-tsan       the threaded parts with ThreadSanitizer' \
	'make check-valgrind   the unit tests and a run of the service under valgrind' \
	'make unit             the unit tests alone' \
	'make bench            measurements' \
	'make soak SECONDS=n   the random tests from new seeds; schedules of edits and failures, n seconds of them (600)' \
	'make chaos SECONDS=n  the unit tests among random pauses, from new seeds, for n seconds (600)' \
	'make fuzz SECONDS=n   libFuzzer on every parser of outside bytes, n seconds each (60); TARGET=conf: on one' \
	'make docs             write config.example, the list in calmirrord.conf(5) and core/serve/API.md from the tables' \
	'make deps, test-deps  install what building or testing needs (apt-get)' \
	'make install          into $$(DESTDIR)$$(PREFIX), by default $(PREFIX); uninstall undoes it' \
	'make clean            remove $(B)/' \
	'' \
	'Variables: B (build directory), CC, CFLAGS, EXTRA_CFLAGS, EXTRA_CPPFLAGS, LDFLAGS, V, PREFIX, DESTDIR, SYSCONFDIR.' \
	'Crash points exist only in a build with EXTRA_CPPFLAGS=-DCALMIRROR_TEST.'

endif
