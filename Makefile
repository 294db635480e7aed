# Two commands are enough: `make run` shows the gate, `make test` proves it.
# Each does its own set-up and says what it installs.

# go.mod names the toolchain; the go command fetches it where it is missing.
export GOTOOLCHAIN := auto

# Everything is compiled as for the release, so that each package is compiled
# once, and what is tested is what runs. Only the race detector needs C.
export CGO_ENABLED := 0
export GOFLAGS := $(GOFLAGS) -trimpath

SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

TOOL := go tool -modfile=internal/tools/go.mod

.PHONY: run build test setup lint unit bench nightly combinations fuzz vuln reproducible

run: ## the gateway in front of the example site, on http://127.0.0.1:8080
	go run ./cmd/lychgate serve -dir deploy/example-site

build: ## one static binary, the same bytes for everyone
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -buildid=' -o lychgate ./cmd/lychgate

# Everything, skipping nothing.
test: setup lint unit

setup: ## what the tests need beyond Go, installed only when missing
	./cmd/lychgate/browser/setup.sh
	./analytics/clickhousetest/setup.sh
	@command -v systemd-analyze >/dev/null || { echo '== installing systemd-analyze'; \
		$(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends systemd; }
	@command -v varnishd >/dev/null || { echo '== installing varnish'; \
		$(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends varnish; }

lint:
	@echo '== gofumpt'; out="$$($(TOOL) gofumpt -l $$(git ls-files '*.go'))"; test -z "$$out" || { echo "$$out: run gofumpt -w"; exit 1; }
	@echo '== go vet'; go vet ./...
	@echo '== staticcheck'; $(TOOL) staticcheck ./...

# What is tested under the race detector is this program. Pointer checks come with
# it, but there is no unsafe here; and SQLite's library is C in the form of Go, which
# locks as C does. Without both the packages that use SQLite take half the time. And
# a program under it lingers for a second at its end, of which tests see hundreds.
RACE := -race -gcflags=all=-d=checkptr=0 -gcflags='modernc.org/sqlite/lib=-d=checkptr=0 -race=false'

# Twice: small under the race detector, then whole. Vetted already by lint. What
# takes longest begins first, so that it does not run on alone at the end.
# LYCHGATE_TEST_ALL turns every skip for something missing into a failure.
unit:
	CGO_ENABLED=1 GORACE=atexit_sleep_ms=50 go test $(RACE) -short -vet=off -timeout 30m ./proxy ./cmd/lychgate ./analytics ./...
	LYCHGATE_TEST_ALL=1 go test -vet=off -timeout 30m ./cmd/lychgate ./analytics ./proxy ./...

bench: ## the figures of README's "Fast"
	go test -run '^$$' -bench . -benchmem ./proxy/... ./consent/... ./analytics/...

nightly: vuln reproducible combinations fuzz ## what is too long for every change

# A minute is short: without a limit most of it goes into making inputs small.
fuzz: ## every parser of foreign bytes, FUZZTIME each
	@git grep -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed -E 's|/[^/]+:func | |' | sort -u | { failed=0; while read -r pkg target; do \
		echo "== $$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $${FUZZTIME:-60s} -fuzzminimizetime 1s ./$$pkg </dev/null || failed=1; \
	done; exit $$failed; }

# Its database cannot be reached from everywhere; the least versions that are safe
# are held by a test wherever this runs. Exit status 3: something was found.
vuln: ## known vulnerabilities in what is linked
	@GOBIN=/tmp/lychgate-tools go install golang.org/x/vuln/cmd/govulncheck@v1.1.4
	@/tmp/lychgate-tools/govulncheck ./... || { test $$? -ne 3 && echo 'NOT CHECKED: the database of vulnerabilities cannot be reached'; }

reproducible: ## the same bytes from two folders, everything compiled anew for the second
	LYCHGATE_TEST_NIGHTLY=1 go test -run 'TestTwoFoldersBuildTheSameBytes' -count 1 ./cmd/lychgate

# make test has each of several independent things, not each with each other.
combinations: ## browser stories and stores: every scheme with every look, protocol, ...
	LYCHGATE_TEST_ALL=1 LYCHGATE_TEST_COMBINATIONS=all go test -run 'TestBrowser|TestClickHouse$$' -count 1 -timeout 90m ./cmd/lychgate ./analytics
