# calmirror. `make` builds, `make demo` shows it, `make check` tests it; `make help` lists the rest.

B       ?= build
CC      ?= cc
VERSION := 0.1.0
PKGS    := libcurl libmicrohttpd json-c lmdb openssl zlib libxxhash

WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
           -Wundef -Wswitch-enum
HARDEN  := -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 -fPIE
CFLAGS  ?= -O2 -g
CPPFLAGS += -I. -D_GNU_SOURCE -DCALMIRROR_VERSION='"$(VERSION)"' $(EXTRA_CPPFLAGS)
ALL_CFLAGS = -std=gnu2x $(WARN) $(HARDEN) $(CFLAGS) $(EXTRA_CFLAGS) -ffile-prefix-map=$(CURDIR)=.
LDFLAGS += -pie -Wl,-z,relro,-z,now,-z,noexecstack -pthread
LDLIBS  += $(shell pkg-config --libs $(PKGS)) -lm

LIB_SRC := $(sort $(wildcard core/*/*.c storage/*.c))
D_SRC   := $(sort $(wildcard cmd/calmirrord/*.c))
C_SRC   := $(sort $(wildcard cmd/calmirror/*.c))
EMU_SRC := $(sort $(wildcard tests/emulator/*.c))
UNIT    := $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
obj      = $(patsubst %.c,$(B)/obj/%.o,$(1))

.PHONY: all clean
all: $(B)/calmirrord $(B)/calmirror $(B)/gcal-emulator

$(B)/libcalmirror.a: $(call obj,$(LIB_SRC))
	@rm -f $@; $(AR) rcD $@ $^

$(B)/calmirrord: $(call obj,$(D_SRC)) $(B)/libcalmirror.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/calmirror: $(call obj,$(C_SRC)) $(B)/libcalmirror.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/gcal-emulator: $(call obj,$(EMU_SRC))
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# A unit test may include the .c it tests, to reach its statics.
$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libcalmirror.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

clean:
	rm -rf $(B)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
