SHELL := /bin/bash
export PREFIX ?= /usr/local
export SYSCONFDIR ?= /etc
export DESTDIR
BUILD := @scripts/build

.DEFAULT_GOAL := help
.PHONY: help build run run-gate demo test crash-test bench bench-instructions install deb configs format lint clean setup-build

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup-build:
	@scripts/setup build

build: setup-build ## build the release binary, .build/release/pico-auth
	$(BUILD)

run: ## install what is missing, build, and run on http://127.0.0.1:8100 until Ctrl-C
	@scripts/setup run
	$(BUILD)
	@scripts/run

run-gate: ## the same, with an application behind the gate at /app/
	@scripts/setup run-gate
	$(BUILD)
	@GATE=1 scripts/run

demo: ## sign in with each wallet algorithm against a running `make run`
	@scripts/demo

test: ## install what is missing, then lint and every test, with real web servers
	@scripts/setup test
	@scripts/test

crash-test: ## lose the power IMAGES times (2000) on FILE_SYSTEMS (all there are) and check every promise; as root
	@scripts/setup crash-test
	$(BUILD)
	@python3 -B Tests/PowerLoss --binary .build/release/pico-auth --keep .build/power-loss \
	  --images $(or $(IMAGES),2000) $(if $(FILE_SYSTEMS),--file-systems $(FILE_SYSTEMS))

bench: ## measure against a C responder, openssl, nginx and the peer, as ratios
	@scripts/setup bench
	@scripts/peers
	$(BUILD)
	@Benchmarks/bench

bench-instructions: ## count instructions per request, compared with the committed ones
	@scripts/setup bench
	@scripts/peers
	$(BUILD)
	@.build/peers/bin/python Benchmarks/instructions

install: build ## install below $(PREFIX), configuration in $(SYSCONFDIR), honouring DESTDIR
	@scripts/install

deb: build ## pack for Debian: .build/deb/pico-auth_VERSION_ARCHITECTURE.deb
	@scripts/deb .build/deb

format: ## rewrite the sources in the project's format
	swift format format --in-place --parallel --recursive Package.swift Sources Tests

configs: ## print the shipped configurations anew, after a change of their templates
	$(BUILD)
	@scripts/configs

lint: ## check the sources' format
	swift format lint --strict --parallel --recursive Package.swift Sources Tests

clean: ## remove what was built and what `make run` wrote
	rm -rf .build .build-* var
