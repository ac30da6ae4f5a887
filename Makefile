SHELL := /bin/bash
PREFIX ?= /usr/local
BUILD := swift build -c release --static-swift-stdlib --product pico-auth

.DEFAULT_GOAL := help
.PHONY: help build run demo test bench install deb configs format lint clean setup-build

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

demo: ## sign in with each wallet algorithm against a running `make run`
	@scripts/demo

test: ## install what is missing, then lint and every test, with real web servers
	@scripts/setup test
	@scripts/test

bench: ## measure against a C responder and openssl, as ratios
	@scripts/setup bench
	$(BUILD)
	@Benchmarks/bench

install: build ## install binary and example configurations below $(PREFIX), honouring DESTDIR
	install -s -D -m 0755 .build/release/pico-auth $(DESTDIR)$(PREFIX)/bin/pico-auth
	install -d $(DESTDIR)$(PREFIX)/share/pico-auth/nginx
	install -m 0644 nginx/pico-auth-*.conf $(DESTDIR)$(PREFIX)/share/pico-auth/nginx/

format: ## rewrite the sources in the project's format
	swift format format --in-place --parallel --recursive Package.swift Sources Tests

configs: ## print the shipped configurations anew, after a change of their templates
	$(BUILD)
	@scripts/configs

lint: ## check the sources' format
	swift format lint --strict --parallel --recursive Package.swift Sources Tests

clean: ## remove what was built and what `make run` wrote
	rm -rf .build .build-* var
