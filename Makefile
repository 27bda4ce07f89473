# Everything here needs Go, make and git; the rest is fetched or built when it is
# first needed. ARGS is passed on: make run ARGS='--base-port 9000'.

ARGS ?=
BINARY := bin/durapay
TOOL := go tool -modfile=tools/go.mod

# The race detector needs a C compiler; go env knows whether there is one.
RACE := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

.DEFAULT_GOAL := help
.PHONY: help run demo audit build test test-mysql lint fmt generate clean $(BINARY) bin/testenv

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(BINARY) ## run everything on this machine (ARGS: durapay up's flags)
	@exec ./$(BINARY) up $(ARGS)

demo: $(BINARY) ## walk through the platform that `make run` has started
	@exec ./$(BINARY) demo $(ARGS)

audit: $(BINARY) ## prove the books of the platform that `make run` has started
	@exec ./$(BINARY) audit $(ARGS)

build: $(BINARY) ## build bin/durapay

$(BINARY):
	@go build -o $@ ./cmd/durapay

bin/testenv:
	@go build -o $@ ./internal/devenv/testenv

# One MariaDB and one Temporal server for all packages; they end with the tests. Those
# from outside bring platforms of their own and come after, one package at a time.
test: $(BINARY) bin/testenv ## all tests, with a private MariaDB and Temporal (ARGS: go test's flags)
	$(if $(RACE),,@echo "no C compiler: testing without the race detector")
	@./bin/testenv go test -timeout 20m $(RACE) $$(go list ./... | grep -v '^durapay/test/') $(ARGS)
	@DURAPAY_TEST_BINARY=$(CURDIR)/$(BINARY) go test -timeout 20m -p 1 $(RACE) ./test/... $(ARGS)

# The same code on MySQL instead of MariaDB: every package whose tests have a database,
# then a platform from outside. Without a MySQL it fails and says why; CI does not run it.
test-mysql: export DURAPAY_TEST_DATABASE := mysql
test-mysql: $(BINARY) bin/testenv ## the tests of what is in the database, on a real MySQL (ARGS: go test's flags)
	@./bin/testenv go test -count 1 -timeout 20m $$(go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | \
		sed -n 's|^\([^ ]*\) .*durapay/internal/devenv/devtest.*|\1|p') $(ARGS)
	@DURAPAY_TEST_BINARY=$(CURDIR)/$(BINARY) ./bin/testenv go test -count 1 -timeout 20m ./test/e2e $(ARGS)

lint: ## format, vet, staticcheck, workflow determinism, generated files
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; }
	@go vet ./...
	@$(TOOL) staticcheck ./...
	@$(TOOL) workflowcheck ./workflows/...
	@generated=$$(mktemp -d) && trap 'rm -rf "$$generated"' EXIT && \
		$(MAKE) --no-print-directory swagger DOCS="$$generated" && \
		git --no-pager diff --no-index --exit-code gateway/docs "$$generated" || \
		{ echo "gateway/docs is not up to date: make generate"; exit 1; }

fmt: ## format the sources
	@gofmt -w .

DOCS := gateway/docs
.PHONY: swagger
swagger:
	@$(TOOL) swag init --quiet --generalInfo gateway/gateway.go --parseInternal --outputTypes go,json \
		--packageName docs --output $(DOCS)

generate: swagger ## generate gateway/docs from the sources

clean: ## remove what was built here (data and tools are in the user's cache folder)
	@rm -rf bin
