# Needs git, make and npm. Each target says what it does and can be run again, also after a failure in its middle.
.PHONY: setup test test-full test-vm build demo demo-down lab lab-down clean

setup:
	@scripts/setup/setup

test:
	@scripts/setup/setup tests || { echo "0 passed, 1 failed"; exit 1; }
	@npm run -s test:all

test-full:
	@scripts/setup/setup tests || { echo "0 passed, 1 failed"; exit 1; }
	@npm run -s test:all -- full

test-vm:
	@scripts/setup/setup vm
	@npm run -s build
	@npm run -s test:vm

build:
	@scripts/setup/setup packages-only
	@npm run -s build

demo:
	@scripts/setup/setup
	@npm run -s build
	@npm run -s demo

demo-down:
	@scripts/setup/setup packages-only
	@npm run -s demo:down

# A cluster on hosts of its own on this machine, to play with: make lab [N=3] [ROOTLESS=1]
N ?= 3

lab:
	@scripts/lab/machine note
	@scripts/setup/setup tests
	@npm run -s build
	@npm run -s lab -- up $(N) $(if $(ROOTLESS),--rootless)

lab-down:
	@scripts/setup/setup packages-only
	@npm run -s lab -- down
	@scripts/lab/machine restore

clean: demo-down lab-down
	rm -rf dist .cache node_modules
