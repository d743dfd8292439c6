# Needs git, make and npm. Each target says what it does and can be run again, also after a failure in its middle.
.PHONY: setup test test-full test-vm build demo demo-down clean

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

clean: demo-down
	rm -rf dist .cache node_modules
