# Weir's one Makefile. `make help` lists what it does.
#
#   V=1                      show the commands
#   SAN=address,undefined    build with sanitizers, in a folder of its own
#   PREFIX=/usr/local DESTDIR=  where `make install` puts things; UNITS=: the systemd units;
#                               ZSH_COMPLETIONS=: the completion of zsh
#   CPPFLAGS_MORE=, CFLAGS_MORE=, LDFLAGS_MORE=   besides ours

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

SAN ?=
PREFIX ?= /usr/local
UNITS ?= $(PREFIX)/lib/systemd/system
ZSH_COMPLETIONS ?= $(PREFIX)/share/zsh/site-functions
CC = gcc
CLANG ?= clang
BPFTOOL ?= $(or $(wildcard /usr/sbin/bpftool),bpftool)
comma := ,

VERSION := $(shell cat VERSION)
O := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))

ifeq ($(V),1)
Q :=
say :=
else
Q := @
say = @printf '  %-5s %s\n' $(1) $(2);
endif

packages := libxdp libbpf libelf libpcap libmnl liburcu-qsbr yaml-0.1 libmicrohttpd jansson libcurl \
	libxxhash ncursesw libcap-ng libseccomp libcpg libcorosync_common

# Headers lie at odd multiples of two behind Ethernet; our CPUs and the kernel read them there.
san_but := -fno-sanitize=alignment

# The same source gives the same bytes, wherever it lies.
here := -ffile-prefix-map=$(CURDIR)=.

CPPFLAGS := -D_GNU_SOURCE $(if $(findstring thread,$(SAN)),,-D_LGPL_SOURCE) -DWEIR_VERSION='"$(VERSION)"' -I. -I$(O) $(CPPFLAGS_MORE)
CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wno-unused-parameter -fno-strict-aliasing -pthread \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer $(san_but)) $(if $(findstring thread,$(SAN)),-Wno-tsan) \
	$(if $(COVERAGE),--coverage -O0 -Wno-format-truncation) $(here) $(CFLAGS_MORE)
LDFLAGS := -pthread $(if $(SAN),-fsanitize=$(SAN)) $(if $(COVERAGE),--coverage) $(LDFLAGS_MORE)
LDLIBS = $(shell pkg-config --libs $(packages)) -lev -lnuma -lm
# As libbpf calls the machine that the programs will run on.
machine := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))
bpf_arch := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(machine)))
# Debian's multiarch folder holds asm/types.h, which clang's BPF target does not look for; the C
# library's headers there, which some of the kernel's include, ask which machine it is.
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -fno-strict-aliasing -Wall -Wextra -Werror -Wno-unused-parameter -I. \
	$(here) -D__TARGET_ARCH_$(bpf_arch) -D__$(machine)__ -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)

# --- what there is ------------------------------------------------------------------------------

lb_objects := $(patsubst %.c,$(O)/%.o,$(wildcard lb/*.c))
datapath_objects := $(patsubst %.c,$(O)/%.o,$(wildcard datapath/*.c))
weir_objects := $(patsubst %.c,$(O)/%.o,$(wildcard tools/weir/*.c))
# The command line's modules, for unit tests: all of weir but its main().
weir_modules := $(filter-out %/main.o,$(weir_objects))
bench_objects := $(patsubst %.c,$(O)/%.o,$(wildcard bench/*.c))
sim_objects := $(patsubst %.c,$(O)/%.o,$(wildcard sim/*.c))
skeletons := $(patsubst bpf/%.bpf.c,$(O)/bpf/%.skel.h,$(wildcard bpf/*.bpf.c))
unit_tests := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/test_*.c))
# What several unit tests use.
unit_modules := $(patsubst %.c,$(O)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
fuzz_targets := $(patsubst %.c,$(O)/%,$(wildcard tests/fuzz/fuzz_*.c))
# What a fuzz target is linked with besides: libFuzzer, or a main() that runs files.
fuzz_main := $(if $(findstring fuzzer,$(SAN)),,$(O)/tests/fuzz/run_corpus.o)
test_tools := $(patsubst %.c,$(O)/%,$(filter-out %.bpf.c,$(wildcard tests/lib/*.c)))
test_programs := $(patsubst %.c,$(O)/%.o,$(wildcard tests/lib/*.bpf.c))
binaries := $(O)/weir $(O)/weir-bench $(O)/weir-sim

# Manual pages: docs/man/NAME.SECTION.scd.
manuals := $(patsubst docs/man/%.scd,$(O)/man/%,$(wildcard docs/man/*.scd))

units := $(addprefix $(O)/systemd/,weir.service weir@.service weir-backend@.service)

.PHONY: all manual units
all: $(binaries) ## build everything (the default)
manual: $(manuals) ## build the manual pages; `man -l build/man/weir.8` shows one

# --- how it is built ----------------------------------------------------------------------------

$(O)/%.o: %.c | $(skeletons)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(O)/tools/weir/page.o: tools/weir/page.html

$(O)/%.bpf.o: %.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

$(O)/bpf/%.skel.h: $(O)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf > $@

# Whatever the day it is built on: the manual is as old as its version.
dated = $$(date -d "$$(sed -n '/^ -- /{s/.*>  //p;q}' debian/changelog)" +%s)

$(O)/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	$(call say,MAN,$@)
	$(Q)SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$(dated)} scdoc < $< > $@

units: $(units) ## build the systemd units
$(units): fill = $(Q)mkdir -p $(@D) && sed -e 's|@CONFIG@|/etc/weir/$(1).yaml|; s|@INSTANCE@|$(2)|' \
	-e 's|@RUNTIME@|$(3)|; s|@SBIN@|$(PREFIX)/sbin|' $< > $@
# The prefix is in them, which may be another one each time.
.PHONY: $(units)
$(O)/systemd/weir.service: systemd/weir.service.in
	$(call fill,weir,,weir)
$(O)/systemd/weir@.service: systemd/weir.service.in
	$(call fill,%i,: %i,weir/%i)
$(O)/systemd/weir-backend@.service: systemd/weir-backend@.service.in
	$(call fill)

$(O)/lib%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(O)/liblb.a: $(lb_objects)
$(O)/libdatapath.a: $(datapath_objects)
$(O)/libweir.a: $(weir_modules)
$(O)/libbench.a: $(filter-out %/main.o,$(bench_objects))
$(O)/libsim.a: $(filter-out %/main.o,$(sim_objects))
$(O)/libunit.a: $(unit_modules)
libraries := $(O)/libweir.a $(O)/libdatapath.a $(O)/liblb.a

define link
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
endef
$(O)/weir: $(O)/tools/weir/main.o $(libraries)
	$(link)
# What bench/calls.c counts.
bench_wrapped := malloc calloc realloc aligned_alloc posix_memalign free mmap munmap \
	pthread_mutex_lock pthread_mutex_trylock pthread_rwlock_rdlock pthread_rwlock_wrlock \
	pthread_spin_lock pthread_cond_wait sem_wait
$(O)/bench/machine.o: CPPFLAGS += -DWEIR_CFLAGS='"$(strip $(filter-out -ffile-prefix-map=%,$(CFLAGS)))"'
$(O)/weir-bench: LDFLAGS += $(bench_wrapped:%=-Wl,--wrap=%)
$(O)/weir-bench: $(bench_objects) $(libraries)
	$(link)
$(O)/weir-sim: $(O)/sim/main.o $(O)/libsim.a $(O)/libbench.a $(libraries)
	$(link)
$(unit_tests): LDLIBS += -lcmocka
$(unit_tests): $(O)/%: $(O)/%.o $(O)/libunit.a $(O)/libsim.a $(O)/libbench.a $(libraries)
	$(link)
$(fuzz_targets): LDLIBS += -lcmocka
$(fuzz_targets): LDFLAGS += $(if $(fuzz_main),,-fsanitize=fuzzer)
$(fuzz_targets): $(O)/%: $(O)/%.o $(fuzz_main) $(O)/libunit.a $(libraries)
	$(link)
$(O)/tests/fuzz/seeds: LDLIBS += -lcmocka
$(O)/tests/fuzz/seeds: $(O)/%: $(O)/%.o $(O)/libunit.a $(libraries)
	$(link)
# In front of the libraries, which they need.
$(O)/tests/lib/flood: LDFLAGS += $(O)/bench/generator.o $(O)/bench/frames.o
$(O)/tests/lib/flood: | $(O)/bench/generator.o $(O)/bench/frames.o
$(test_tools): $(O)/%: $(O)/%.o $(libraries)
	$(link)

.PRECIOUS: $(O)/%.o $(O)/%.bpf.o $(O)/bpf/%.skel.h
-include $(shell find $(O) \( -path $(O)/vm -o -path $(O)/debootstrap \) -prune -o -type f -name '*.d' -print 2>/dev/null)

# --- tests and checks ---------------------------------------------------------------------------

.PHONY: tests test soak test-vm test-debootstrap test-threads deps check layers format
tests: all $(unit_tests) $(fuzz_targets) $(test_tools) $(test_programs) ## build the tests too

deps: ## install what is missing from Debian, and say what
	@tests/lib/deps.sh

# Of the tests only those whose names hold it, an extended regular expression.
WORD ?=
test: deps ## run all tests (as root): unit, packet tables, namespaces; SAN=... and WORD=... work here too
	@$(MAKE) --no-print-directory tests
	@tests/run.sh $(O) '$(WORD)'

KERNEL ?= all
MINUTES ?= 30
soak: deps ## all kinds of traffic and of disturbances at random (as root): MINUTES=30, WEIR_SOAK_SEED=
	@$(MAKE) --no-print-directory tests
	@WEIR_SOAK_SECONDS=$$(($(MINUTES) * 60)) tests/net/t_soak.sh $(O)

test-vm: deps ## tests in virtual machines: KERNEL=6.1, 6.12, newest or all of Debian's kernels
	@$(MAKE) --no-print-directory tests
	@tests/vm/run.sh $(O) '$(KERNEL)' '$(WORD)'

test-debootstrap: ## what a newcomer types, in a Debian 12 with nothing on it (as root), in half an hour
	@tests/lib/deps.sh debootstrap c:debootstrap
	@tests/debootstrap.sh $(O)/debootstrap

# Where threads meet in user space. In test_limits and test_torn_reads they meet the kernel.
threaded := api flow_ring flow_table_races fragments grace policy_job snat sync tap taps
test-threads: deps ## unit tests of what threads share, with ThreadSanitizer
	@$(MAKE) --no-print-directory SAN=thread $(threaded:%=build/san-thread/tests/unit/test_%)
	@tests/run.sh build/san-thread '$(or $(WORD),^test_)'

layers: ## check that each layer includes only itself and those to its left
	@tests/lib/layers.sh

check: ## check format and static rules, and what clang-tidy and cppcheck find
	@tests/lib/deps.sh build clang-format c:clang-format clang-tidy c:clang-tidy cppcheck c:cppcheck \
		shellcheck c:shellcheck
	@tests/lib/check.sh
	@$(MAKE) --no-print-directory $(skeletons)
	@tests/lib/analyze.sh $(O)

format: ## put all sources into the project's format
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

# --- fuzzing and coverage -----------------------------------------------------------------------

TIME ?= 60
TARGET ?=
fuzz_make = $(MAKE) --no-print-directory CC=$(CLANG) SAN=fuzzer-no-link,address,undefined \
	O=build/fuzz

.PHONY: fuzzers fuzz fuzz-keep coverage
fuzzers: $(fuzz_targets) $(O)/tests/fuzz/seeds

fuzz: ## fuzz with libFuzzer, ASan and UBSan: TIME=60 seconds over all targets, or TARGET=config
	@tests/fuzz/run.sh build/fuzz need
	@$(fuzz_make) fuzzers
	@tests/fuzz/run.sh build/fuzz fuzz $(TIME) $(TARGET)

fuzz-keep: ## take what was found by fuzzing and adds coverage into tests/fuzz/corpus
	@$(fuzz_make) fuzzers
	@tests/fuzz/run.sh build/fuzz keep $(TARGET)

coverage: ## lines of lb/ and of the headers in bpf/ that tests without a network run; needs gcovr
	@tests/lib/coverage.sh need
	@$(MAKE) --no-print-directory COVERAGE=1 O=build/coverage tests
	@tests/lib/coverage.sh build/coverage

.PHONY: demo bench clean install deb test-deb reproducible sbom help
demo: deps ## show the main job: client, Weir and real servers in namespaces, figures, a capture
	@$(MAKE) --no-print-directory all $(test_tools) $(test_programs)
	@tests/demo.sh $(O)

QUICK ?=
bench: deps ## measure everything (as root) into build/bench/report.html, in a quarter of an hour; QUICK=1: fewer trials
	@$(MAKE) --no-print-directory all $(test_tools) $(test_programs)
	@bench/run.sh $(O) $(if $(QUICK),quick)

# Where things go below $(DESTDIR)$(PREFIX).
into = install -D -m 644 -t $(DESTDIR)$(PREFIX)/$(1)
install: all manual units ## install into $(DESTDIR)$(PREFIX)
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/sbin $(O)/weir
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(filter-out %/weir,$(binaries))
	$(call into,share/doc/weir) README.md docs/*.md docs/openapi.yaml
	$(call into,share/doc/weir/scale) docs/scale/*.svg
	$(call into,share/doc/weir/examples) configs/*.yaml configs/*.conf configs/geo-here.txt \
		configs/grafana-dashboard.json
	$(foreach page,$(manuals),$(call into,share/man/man$(subst .,,$(suffix $(page)))) $(page);)
	install -D -m 644 -t $(DESTDIR)$(UNITS) $(units)
	install -d $(DESTDIR)$(PREFIX)/share/weir
	$(O)/weir schema > $(DESTDIR)$(PREFIX)/share/weir/weir.schema.json
	install -D -m 644 configs/completion/weir.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/weir
	install -D -m 644 -t $(DESTDIR)$(ZSH_COMPLETIONS) configs/completion/_weir

# What git knows of, in a folder of its own, so that nothing else gets in.
deb_source := build/deb/weir-$(VERSION)
deb_needs := build-essential d:build-essential debhelper c:dh dpkg-dev c:dpkg-buildpackage
deb: ## build the Debian package, in build/
	@tests/lib/deps.sh build $(deb_needs)
	@[ "$$(dpkg-parsechangelog -S Version)" = "$(VERSION)" ] || \
		{ echo "debian/changelog and VERSION differ" >&2; exit 1; }
	$(Q)rm -rf build/deb && mkdir -p $(deb_source)
	$(Q)git ls-files -z | tar --null -T - -c | tar -C $(deb_source) -x
	$(Q)cd $(deb_source) && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b
	$(Q)mv build/deb/*.deb build/

test-deb: deb ## build the Debian package and test it (as root): lintian, install, upgrade, remove, purge
	@tests/lib/deps.sh lintian c:lintian systemd c:systemd-sysusers
	@WEIR_DEB=1 tests/run.sh $(O) '^t_package[.]'

reproducible: ## two builds from nothing, in different folders, give the same bytes; DEB=1: packages too
	@tests/lib/deps.sh build $(if $(DEB),$(deb_needs))
	@tests/lib/reproducible.sh $(if $(DEB),deb)

sbom: all ## the libraries that the programs load, as SPDX: build/weir.sbom.spdx.json
	@tests/lib/deps.sh build binutils c:readelf
	$(call say,SBOM,$(O)/weir.sbom.spdx.json)
	$(Q)debian/sbom.sh $(VERSION) $(binaries) > $(O)/weir.sbom.spdx.json

clean: ## remove what was built
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
