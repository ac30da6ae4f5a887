SHELL := /bin/bash
export PREFIX ?= /usr/local
export SYSCONFDIR ?= /etc
export DESTDIR
BUILD := @scripts/build

.DEFAULT_GOAL := help
.PHONY: help build run run-gate demo test crash-test bench bench-instructions install deb configs format lint clean setup-build

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 28

setup-build:
	@scripts/setup build

build: setup-build ## build the release binary, .build/release/pico-auth
	$(BUILD)

run: ## install what is missing, build, and run on http://127.0.0.1:8100 until Ctrl-C
	@scripts/setup run
	$(BUILD)
	@scripts/run

run-gate: ## as run, with an example application behind the gate at /app/
	@scripts/setup run-gate
	$(BUILD)
	@GATE=1 scripts/run

demo: ## sign in with each wallet algorithm; needs a running `make run`
	@scripts/demo

test: ## install what is missing, check the format, and run every test, with real web servers
	@scripts/setup test
	@scripts/test

crash-test: ## simulate IMAGES (2000) power losses on FILE_SYSTEMS (all), and check every promise; as root
	@scripts/setup crash-test
	$(BUILD)
	@python3 -B Tests/PowerLoss --binary .build/release/pico-auth --keep .build/power-loss \
	  --images $(or $(IMAGES),2000) $(if $(FILE_SYSTEMS),--file-systems $(FILE_SYSTEMS))

bench: ## measure the speed, as ratios to a C responder, openssl, nginx and pico-server-auth
	@scripts/setup bench
	@scripts/peers
	$(BUILD)
	@Benchmarks/bench

bench-instructions: ## count instructions per request, and compare them with the committed figures
	@scripts/setup bench
	@scripts/peers
	$(BUILD)
	@.build/peers/bin/python Benchmarks/instructions

install: build ## install below PREFIX (/usr/local), with the configuration in SYSCONFDIR (/etc), inside DESTDIR
	@scripts/install

deb: build ## build the Debian package, .build/deb/pico-auth_VERSION_ARCHITECTURE.deb
	@scripts/deb .build/deb

format: ## format the sources
	swift format format --in-place --parallel --recursive Package.swift Sources Tests deploy/DeploymentTargets.swift

configs: ## regenerate the shipped configurations, after you change a template
	$(BUILD)
	@scripts/configs
	@PICO_AUTH_UPDATE=1 swift test --filter DerivedFileTests

lint: ## check the format of the sources
	swift format lint --strict --parallel --recursive Package.swift Sources Tests deploy/DeploymentTargets.swift

clean: ## remove the build, and the folder var that `make run` writes
	rm -rf .build .build-* var
