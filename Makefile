# What a contributor runs. Everything installed or built lands in .testenv/ and bin/.

PKG   ?= ./...
REVAL := bin/reval

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{ printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/reval
	CGO_ENABLED=0 go build -o $(REVAL) ./cmd/reval

.PHONY: try
try: build ## open a sample in your editor, with a Go kernel; EDITOR=nvim, vim or emacs chooses
	@scripts/try.sh '$(EDITOR)' '$(origin EDITOR)'

.PHONY: test
test: ## install what is missing and run every test, with no skip (PKG=./lsp/... for some)
	@scripts/testenv.sh test
	REVAL_TEST_STRICT=1 go test -count=1 -timeout=20m $(PKG)

.PHONY: race
race: ## the same under the race detector
	@scripts/testenv.sh test
	@scripts/testenv.sh race
	REVAL_TEST_STRICT=1 CGO_ENABLED=1 go test -race -count=1 -timeout=30m $(PKG)

.PHONY: lint
lint: ## gofmt, vet, staticcheck, and the linters of Emacs Lisp, Vim script, Lua and shell
	@scripts/testenv.sh lint
	@scripts/lint.sh

.PHONY: bench
bench: build ## measure reval beside its peers, and write docs/bench.md and README's quote
	@scripts/testenv.sh test
	@scripts/testenv.sh bench
	cd internal/bench/libzmq && CGO_ENABLED=1 go build -o ../../../bin/ .
	PATH="$(CURDIR)/.testenv/venv/bin:$(CURDIR)/.testenv/bin:$$PATH" go run ./internal/bench -reval $(REVAL) -libzmq bin/libzmq -o docs/bench.md -quote README.md

.PHONY: gotests
gotests: ## run the Go distribution's programs through the Go kernel, and write what passes into docs/
	go run ./gokernel/internal/gotests -o docs/go-kernel.md -failures docs/go-programs.md

.PHONY: clean
clean: ## remove what was built (.testenv/ stays: rm -r it to install anew)
	rm -rf bin
	find elisp -name '*.elc' -delete
