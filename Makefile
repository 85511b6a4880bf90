# The front door. Every target only calls cargo, npm or a script; `make` alone lists them.

# Everything built lies here, whatever cargo is told elsewhere: the scripts and the binary look for it here.
export CARGO_TARGET_DIR := $(CURDIR)/target

.DEFAULT_GOAL := help
.PHONY: help setup site build run dev test soak fuzz bench size clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building needs (the WASM target)
	@scripts/setup.sh

site: setup ## Build the web app into target/site
	@scripts/site.sh

build: site ## Build the release binary, with the web app inside
	cargo build --release --package server --bin pointwork

run: build ## Build and serve on http://127.0.0.1:8000 (ARGS="--listen …")
	@exec target/release/pointwork serve $(ARGS)

dev: setup ## Serve a debug build, and build and start again on change
	@scripts/dev.sh $(ARGS)

test: setup ## Install what tests need and run everything
	@scripts/setup-tests.sh
	@scripts/test.sh

soak: site ## Simulate fresh seeds (SECONDS=600 or SEEDS=…), kill the server 200 times, try the full scale
	@scripts/soak.sh "$(SECONDS)" "$(SEEDS)"

fuzz: ## Feed TARGET=document|expression|events|worker with random bytes for SECONDS=60
	@scripts/fuzz.sh "$(TARGET)" "$(SECONDS)"

bench: build ## Measure this machine (ARGS=pages: the pages in Chromium)
	@scripts/bench.sh $(ARGS)

size: site ## Say what a first visit loads
	@scripts/size.sh

clean: ## Remove everything built and installed here (never ./data)
	cargo clean
	rm -rf end2end/node_modules end2end/results
