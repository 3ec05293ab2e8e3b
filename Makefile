# Fenzhang. `make` alone lists what one can do here.
# Needs Go 1.26, Python 3.11, make and git; everything else is installed below .local/, inside this checkout.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Nothing here needs C, and what is compiled one way is compiled once.
export CGO_ENABLED := 0

# Base port of a local stack: the local AWS; the stand-ins take the two after it. 0 is the profile's own
# (4566 for make run, 4766 for make test).
PORT ?= 0
PROFILE ?= run
ENV ?= dev
ARCH ?=
STACK = go run ./local/stack -profile $(PROFILE) -port $(PORT)
LINTER = .local/bin/golangci-lint-2.15.0

.PHONY: help run up down status token invoke test check-all lint fmt simulate goldens bench build deploy contract-check tax-check rulebook mutation rules-mutation rules-schema fuzz rules-status rules-upload rules-state rules-rollback rules-demo audit-verify journal go

help: ## List the targets
	@echo "make TARGET, the first two are: make run, make test"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

run: up ## Bring the system up on this machine and play three months of a demo agency through it; it stays up
	@go run ./local/demo

up: go ## Only bring the system up (PORT= for another base port)
	@[ -d .local/build ] || echo "  compiling the program that starts the stack (a minute, the first time)"
	@$(STACK) up

down: go ## Stop exactly what make run started
	@$(STACK) down

status: go ## Show what is running, and where its logs are
	@$(STACK) status

token: go ## Print an access token: TENANT= ROLE= [CREATOR=] [SCOPE=], valid for one hour
	@$(STACK) token "$(TENANT)" "$(ROLE)" "$(CREATOR)" "$(SCOPE)"

invoke: go ## Run one function with its sample event against the running stack: FUNCTION=pay-out [EVENT=event-schedule.json]
	@go run ./local/invoke "$(FUNCTION)" "$(EVENT)"

test: go ## Run every test, on a stack of its own; works while make run is up: [SHARD=1/2 for one of two parts] [BUDGET=1: record the processor seconds of each package]
	@[ -d .local/build ] || echo "compiling the programs that run the tests (a minute or two, the first time)"
	@go run ./local/testrun -port $(PORT) -shard "$(SHARD)" $(if $(BUDGET),-budget)

# What finds more than the tests do but takes too long for each change. A new check of this kind is added here.
check-all: go ## Run the tests and then, one after the other, all checks that take long (hours)
	@$(MAKE) test
	@$(MAKE) simulate RUNS=20000
	@$(MAKE) simulate PLANTED=1
	@$(MAKE) fuzz
	@$(MAKE) mutation
	@$(MAKE) rules-mutation

lint: go $(LINTER) ## Check code, formatting and template
	@$(STACK) tools aws sam lint
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not formatted, run make fmt:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(LINTER) run ./...
	@$(MAKE) rules-schema
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 .local/venv-sam/bin/sam validate --lint
	.local/venv-sam/bin/cfn-lint
	.local/venv-aws/bin/python local/stack/expand.py template.yaml .local/template.json
	BC_SKIP_MAPPING=TRUE .local/venv-lint/bin/checkov --config-file .checkov.yaml

fmt: go ## Format the Go files
	@gofmt -w $$(git ls-files '*.go')

simulate: go ## Play months of two agencies with trouble of every kind and check all promises after each: RUNS=1000 [SEED= of one run, printed line by line] [PLANTED=1: look for each planted bug and record the seed that finds it]
ifdef PLANTED
	@FENZHANG_TEST_PLANTED=hunt go test -v -count=1 -timeout 60m -run '^TestPlantedBugsAreFound$$' ./local/simulate
else
	@go run ./local/simulate -runs "$(or $(RUNS),1000)" -seed "$(SEED)"
endif

goldens: go ## Write the lists of what is stored, answered and allowed anew from the code; read the difference before it is committed
	@go test -count=1 ./local/checks/goldens -update
	@go test -count=1 ./shared/settlement/settlementapi -run '^TestEveryActInEveryState$$' -update
	@go test -count=1 ./local/simulate -run '^TestItemsKeepTheirAttributes$$' -update

bench: go ## Measure, and write bench/RESULTS.md
	@go run ./bench

contract-check: go ## Run the worked examples beside contracts: [FILE=]
	@go run ./cmd/fenzhang contract-check "$(FILE)"

tax-check: go ## Run a file of tax examples: FILE=
	@go run ./cmd/fenzhang tax-check "$(FILE)"

rulebook: go ## Render all rules as a linked book of pages, Chinese and English: [DATE=2026-11-22]
	@go run ./cmd/fenzhang rulebook -date "$(DATE)"

rules-mutation: go ## Change each number of the rules a little and see which change no example notices: [PACK=110000]
	@go run ./cmd/fenzhang rules-mutation -pack "$(or $(PACK),national)"

mutation: go ## Replace each operator of the code that moves money, one at a time, and list what no test notices: [PACKAGE=shared/money]
	@go run ./cmd/fenzhang mutation -package "$(PACKAGE)"

rules-schema: go ## Check every file of rules/ against rules/schema.json
	@go run ./cmd/fenzhang rules-schema

fuzz: go ## Fuzz what reads bytes from outside, longer than the tests do: [TIME=30s for each target] [FUZZ=FuzzParseRule]
	@go run ./cmd/fenzhang fuzz -time "$(or $(TIME),30s)" -only "$(FUZZ)"

rules-status: go ## Show the state of a policy pack on the running stack, and what was refused: [PACK=110000]
	@$(STACK) rules status "$(PACK)"

rules-upload: go ## Sign a pack with the running stack's key and upload it: DIR= [STATE=draft, shadow or active]
	@$(STACK) rules sign -state "$(or $(STATE),draft)" "$(DIR)"
	@$(STACK) rules upload "$(DIR)"

rules-state: go ## Move a stored pack: PACK= VERSION= STATE=draft, shadow, active or revoked
	@$(STACK) rules $(patsubst active,activate,$(patsubst revoked,revoke,$(STATE))) "$(PACK)" "$(VERSION)"

rules-rollback: go ## Go back to the version of a pack that was active before: PACK=
	@$(STACK) rules rollback "$(PACK)"

rules-demo: go ## Show on the running stack how a pack changes quotes without a deploy, and back
	@go run ./cmd/fenzhang rules-demo -profile $(PROFILE)

audit-verify: go ## Check the audit chains of the running stack
	@go run ./cmd/fenzhang audit-verify

journal: go ## Export the journal of the running stack, one entry a line, and sum it: [TENANT=] [ENTITY=] [PERIOD=2026-09]
	@go run ./cmd/fenzhang journal -tenant "$(TENANT)" -entity "$(ENTITY)" -period "$(PERIOD)"

build: go ## Build and zip the functions: for this machine, or ARCH=arm64 (amd64) for AWS
	@$(STACK) -arch "$(ARCH)" build

deploy: go ## Deploy to AWS with your credentials: ENV=dev, prod or cn (a profile of samconfig.toml)
	@case "$(ENV)" in dev|prod|cn) ;; *) echo "ENV must be dev, prod or cn; for this machine use make run"; exit 1;; esac
	@$(STACK) tools sam
	@$(STACK) concurrency $(ENV)
	@$(STACK) -arch arm64 build
	.local/venv-sam/bin/sam deploy --config-env $(ENV)
	@$(STACK) font fenzhang-$(ENV)

go:
	@command -v go >/dev/null || { echo "Go is missing: install Go 1.26 or newer (https://go.dev/dl/)"; exit 1; }

$(LINTER): | go
	@echo "installing golangci-lint 2.15.0 into .local/bin (a few minutes, once)"
	@GOBIN=$(CURDIR)/.local/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	@mv .local/bin/golangci-lint $(LINTER)
