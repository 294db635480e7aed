# Two commands are enough: `make run` shows the gate, `make test` proves it.
# Each does its own set-up and says what it installs.

# go.mod names the toolchain; the go command fetches it where it is missing.
export GOTOOLCHAIN := auto

TOOL := go tool -modfile=internal/tools/go.mod

.PHONY: run build test setup lint unit browser bench fuzz

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
		apt-get update -qq && apt-get install -y -qq --no-install-recommends systemd; }
	@command -v varnishd >/dev/null || { echo '== installing varnish'; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends varnish; }

lint:
	@echo '== gofumpt'; out="$$($(TOOL) gofumpt -l $$(git ls-files '*.go'))"; test -z "$$out" || { echo "$$out: run gofumpt -w"; exit 1; }
	@echo '== go vet'; go vet ./...
	@echo '== staticcheck'; $(TOOL) staticcheck ./...

# Twice: small under the race detector, which needs a C compiler, then whole.
# LYCHGATE_TEST_ALL turns every skip for something missing into a failure.
unit:
	go test -race -short -timeout 30m ./...
	LYCHGATE_TEST_ALL=1 go test -timeout 30m ./...

bench: ## the figures of README's "Fast"
	go test -run '^$$' -bench . -benchmem ./proxy/... ./consent/... ./analytics/...

fuzz: ## every parser of foreign bytes, FUZZTIME each
	@for target in $$(git grep -hoE '^func Fuzz\w+' -- '*_test.go' | cut -c6- | sort -u); do \
		pkg=$$(git grep -lE "^func $$target\(" -- '*_test.go' | xargs -n1 dirname | head -1); \
		echo "== $$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $${FUZZTIME:-60s} ./$$pkg || exit 1; \
	done
