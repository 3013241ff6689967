# Bricola: every command of the project in one place. `make` lists them.

# Build products stay out of the checkout, so that a fresh clone builds on what is there.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/bricola/target
PARCELS ?= 30k
BENCH_PARCELS ?= 1m
SEED ?= 1
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 60
SOAK_RATE ?= 1000
SOAK_ROUNDS ?= 100
LISTEN ?= 127.0.0.1:8080
DATA ?= $(HOME)/.cache/bricola/demo-$(PARCELS)-$(SEED)
BRICOLA = $(CARGO_TARGET_DIR)/release/bricola

.PHONY: help demo build web test check lint unit e2e e2e-live soak bench bench-durable bench-standards bench-desk bench-bindings bench-feeding soak-feeding demonstration conformance fuzz fmt deny clean

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: build ## build, generate the demo city (PARCELS=30k SEED=1), serve it on LISTEN=127.0.0.1:8080
	@$(BRICOLA) demo --parcels $(PARCELS) --seed $(SEED) --data $(DATA) --listen $(LISTEN)

build: web ## the release binary with the web app inside
	@scripts/setup build
	@cargo build --release --quiet --package bricola --locked

web: web/dist/index.html ## the web app

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(shell find web/src web/public web/index.html web/vite.config.ts -type f 2>/dev/null)
	@cd web && npm run --silent build
	@touch $@

test: ## install what is missing, then run every check and test
	@scripts/setup test
	@$(MAKE) --no-print-directory web check lint unit e2e e2e-live
	@EXAMPLES=3 $(MAKE) --no-print-directory conformance

check: ## formatting and types
	cargo fmt --all --check
	cd web && npm run --silent check

lint: ## clippy, pedantic: a warning is a failure
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

unit: styles/check/node_modules/.package-lock.json ## Rust and TypeScript tests
	cargo test --workspace --locked --quiet
	cd web && npm run --silent test

styles/check/node_modules/.package-lock.json: styles/check/package.json styles/check/package-lock.json
	@cd styles/check && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

e2e: ## the web app in headless Chromium, against its mock
	cd web && npm run --silent e2e

e2e-live: ## its main visits against a real server with a small demo city
	@# The tests' own build: another choice of features would compile most dependencies again.
	cargo test --workspace --locked --quiet --no-run
	scripts/e2e $(CARGO_TARGET_DIR)/debug/bricola
	folder=$$(mktemp -d) && scripts/demonstration $(CARGO_TARGET_DIR)/debug/bricola $$folder && rm -r $$folder

conformance: ## abstract tests of the standards, Italian guidelines, clients that others wrote: EXAMPLES=25
	cargo test --workspace --locked --quiet --no-run
	conformance/run $(CARGO_TARGET_DIR)/debug/bricola

demonstration: build ## an edit in psql on a browser at another server: the pictures of docs/demonstration.md
	@scripts/setup test
	@scripts/demonstration $(BRICOLA)

soak: build ## a storm of edits and rounds of kill -9 (long): SOAK_SECONDS=60 SOAK_RATE=1000 SOAK_ROUNDS=100
	SOAK_SECONDS=$(SOAK_SECONDS) SOAK_RATE=$(SOAK_RATE) SOAK_ROUNDS=$(SOAK_ROUNDS) BRICOLA_TEST_BINARY=$(BRICOLA) \
		cargo test --workspace --locked --quiet --test cli -- --nocapture --test-threads 1 faults::storm faults::rounds

bench: build ## every figure, measured here beside its peers (long): BENCH_PARCELS=1m
	@cargo build --release --quiet --package bricola --example bare --example crawl --locked
	@PARCELS=$(BENCH_PARCELS) bench/run $(BRICOLA) $(CARGO_TARGET_DIR)/release/examples
	@cargo bench --quiet --package bricola-layers --bench territory

bench-durable: build ## the figures of the change log over PostGIS: BENCH_PARCELS=1m
	@PARCELS=$(BENCH_PARCELS) python3 bench/durable.py $(BRICOLA)

bench-standards: build ## features, filters, files and edits beside tipg and PostGIS: BENCH_PARCELS=1m TIPG=FOLDER
	@PARCELS=$(BENCH_PARCELS) python3 bench/standards.py $(BRICOLA)

bench-desk: build ## the figures of the offices' desks: BENCH_PARCELS=1m
	@PARCELS=$(BENCH_PARCELS) python3 bench/desk.py $(BRICOLA)

bench-bindings: build ## bound fields beside what PostGIS takes for the same: BENCH_PARCELS=1m BENCH_OBJECTS=200000
	@PARCELS=$(BENCH_PARCELS) python3 bench/bindings.py $(BRICOLA)

bench-feeding: build ## first sync, webhooks at 1,000 edits/s
	@python3 bench/feeding.py $(BRICOLA) figures

soak-feeding: build ## both reference modules, two servers and the database, killed at random: SOAK_SECONDS=60
	@python3 bench/feeding.py $(BRICOLA) soak --seconds $(SOAK_SECONDS)

fmt: ## format the code
	cargo fmt --all

fuzz: ## damage FILES=... at random for FUZZ_SECONDS=60 and read them (deeper: cargo +nightly fuzz run open)
	cargo build --workspace --quiet --locked --example mangle
	$(CARGO_TARGET_DIR)/debug/examples/mangle $(FUZZ_SECONDS) $(FILES)

deny: ## licences and sources of dependencies (needs cargo-deny)
	cargo deny check licenses bans sources

clean: ## remove build products and the demo's data
	rm -rf $(CARGO_TARGET_DIR) $(HOME)/.cache/bricola/demo-* web/dist web/node_modules
