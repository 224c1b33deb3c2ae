# Everything sets itself up: `python3 -m venv` and pip are all that is needed.
PYTHON ?= python3
VENV ?= .venv
PYTEST ?= -n auto --dist loadfile
QUICK := tests/contract tests/parity tests/properties tests/typing tests/unit --ignore tests/unit/test_benchmarks.py
BIN := $(VENV)/bin
# Versions of everything that is used here, written by `make lock`, for the Python that it is run with. Another Python
# has no such file and takes the newest, and so does everybody with `make LOCK= …`.
LOCK := $(wildcard .ci/locked-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt)
PIP := $(BIN)/python -m pip install --quiet $(addprefix --constraint ,$(LOCK))
GROUPS := $(addprefix --group ,codegen types test frameworks checks bench docs)

.PHONY: demo test quick coverage mutants airflow engines lock docs site site-screenshots lint workflows types generate check-generated lint-document diff bump parity surface
.PHONY: spec-bump pull-request browser screenshots build smoke sbom check-tag test-pythons test-bounds soak job-soak durability bench bench-memory work clean

$(VENV)/run.stamp: pyproject.toml $(LOCK)
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable ".[emulator]"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	$(PIP) "pip>=25.1"
	$(PIP) --editable ".[emulator,aiohttp,http2]" $(GROUPS)
	@touch $@

# Sanic wants an older multidict than aiohttp does, so it has an environment of its own.
.venvs/sanic-%/sanic.stamp: pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet "pip>=25.1"
	$(@D)/bin/python -m pip install --quiet --editable . --group sanic
	@touch $@

## Buy something in a game, twice, with a lost answer in between (about a minute, set-up included).
demo: $(VENV)/run.stamp
	@$(BIN)/python examples/demo.py

## The whole suite.
test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(PYTEST)

## The README, the docs and the examples, as tests.
docs: $(VENV)/dev.stamp
	$(BIN)/python -m pytest tests/docs

## What is fast, in less than a minute: before each commit.
quick: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(PYTEST) $(QUICK)

## The whole suite once, and which branches it went through, the processes that it starts included.
coverage: $(VENV)/dev.stamp
	rm -rf .reports/coverage
	mkdir -p .reports/coverage
	$(BIN)/python -m coverage run -m pytest $(PYTEST) -m "not untraced"
	$(BIN)/python -m pytest -m untraced -q
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

## Change the code in every small way, and see whether a test fails: the score in tests/README.md (some minutes).
mutants: $(VENV)/dev.stamp
	$(PIP) --group mutants
	rm -rf mutants
	-$(BIN)/mutmut run
	$(BIN)/python -m tests.mutants

## The recipes for Airflow, in Airflow itself: an environment of its own, and some minutes. Not part of CI.
airflow: .venvs/airflow/airflow.stamp
	.venvs/airflow/bin/python -m pytest tests/frameworks/test_airflow.py

.venvs/airflow/airflow.stamp: pyproject.toml
	$(PYTHON) -m venv .venvs/airflow
	.venvs/airflow/bin/python -m pip install --quiet "pip>=25.1"
	.venvs/airflow/bin/python -m pip install --quiet --editable ".[testing]" --group airflow
	@touch $@

## Jobs in Dask, Ray, Spark (with a Java), Celery (with Redis) and Airflow, whose workers are killed, and an audit of the
## books: the table in docs/bulk.md. Some gigabytes and many minutes, so not part of CI. ENGINES="--rows 20000 --kills 2"
engines: $(addprefix engines-,dask dask-frames ray spark celery airflow)

engines-airflow: .venvs/airflow/airflow.stamp
	timeout 1800 .venvs/airflow/bin/python -m tests.bulk.engines airflow $(ENGINES)

engines-dask-frames: .venvs/engines-dask/engines.stamp
	timeout 1800 .venvs/engines-dask/bin/python -m tests.bulk.engines dask-frames $(ENGINES)

engines-%: .venvs/engines-%/engines.stamp
	timeout 1800 .venvs/engines-$*/bin/python -m tests.bulk.engines $* $(ENGINES)

.venvs/engines-%/engines.stamp: pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet "pip>=25.1"
	$(@D)/bin/python -m pip install --quiet --editable ".[emulator]" --group engines-$*
	@touch $@

## Take the newest of all that is used here, and write down its versions for this Python.
lock:
	rm -rf .venvs/lock
	$(MAKE) --no-print-directory .venvs/lock/dev.stamp VENV=.venvs/lock LOCK=
	.venvs/lock/bin/python -m pip install --quiet --group mutants
	.ci/lock .venvs/lock/bin/python

browser:
	.ci/browser

## Pictures of the emulator's page, wide and narrow, light and dark.
screenshots: $(VENV)/dev.stamp browser
	$(BIN)/python -m tests.emulator.screenshots .reports/screenshots

## The site of the documentation, with its reference, search and llms.txt, as .reports/site/VERSION (15 seconds).
site: $(VENV)/dev.stamp
	$(BIN)/python -m website .reports/site

## Pictures of the site, wide and narrow, light and dark (a minute).
site-screenshots: site browser
	$(BIN)/python -m website.screenshots .reports/site .reports/site-screenshots

## Form, what is unsafe, and layers.
lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache --no-logo

## The workflows of the repository: their form, and what is unsafe in them.
workflows: $(VENV)/dev.stamp
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --no-progress --quiet --persona pedantic .github/workflows

# With -p, since a pyrightconfig.json in any folder above would be taken otherwise.
types: $(VENV)/dev.stamp
	$(BIN)/mypy
	$(BIN)/pyright -p pyproject.toml --pythonpath $(BIN)/python

generate: $(VENV)/dev.stamp
	$(BIN)/python -m codegen generate

check-generated: $(VENV)/dev.stamp
	$(BIN)/python -m codegen check

lint-document: $(VENV)/dev.stamp
	$(BIN)/python -m codegen lint

## What changed between two documents: make diff OLD=v0.1.0:openapi.server.json NEW=new.json
diff: $(VENV)/dev.stamp
	$(BIN)/python -m codegen diff $(OLD) $(or $(NEW),openapi.server.json)

## Take a new document over, or change nothing: make bump NEW=new.json
bump: $(VENV)/dev.stamp
	$(BIN)/python -m codegen bump $(NEW)

## This SDK against the recorded requests, or against a Node SDK: make parity NODE=path
parity: $(VENV)/dev.stamp
	$(BIN)/python -m codegen parity $(if $(NODE),--node $(NODE))

## The public Python surface against the last release.
surface: $(VENV)/dev.stamp
	$(BIN)/python -m codegen surface

## Fetch the document from $$SPEC, take it over, and hold the result against the Node SDK $$NODE_SDK if that is set.
spec-bump: $(VENV)/dev.stamp
	@test -n "$$SPEC" || { echo "SPEC is not set: where is the new document?" >&2; exit 2; }
	mkdir -p .reports
	$(BIN)/python -m codegen bump "$$SPEC" --report .reports/bump.md
	if [ -n "$$NODE_SDK" ]; then npm install --silent --no-save --ignore-scripts --prefix .node "$$NODE_SDK"; fi
	-$(BIN)/python -m codegen parity $${NODE_SDK:+--node .node} --report .reports/parity.md

pull-request:
	.ci/pull-request .bump

build: $(VENV)/dev.stamp
	rm -rf dist
	$(BIN)/python -m build --quiet
	@ls -l dist

## Install the wheel into an empty environment, use it there, and see that all its types are known.
smoke: build
	rm -rf .venvs/smoke
	$(PYTHON) -m venv .venvs/smoke
	.venvs/smoke/bin/python -m pip install --quiet dist/*.whl
	cd .venvs/smoke && bin/python -I ../../tests/packaging/smoke.py
	.venvs/smoke/bin/python -m pip install --quiet "django>=5.2" "django-stubs>=5.2"  # bases of kraty_server.django
	PATH=$(CURDIR)/.venvs/smoke/bin:$$PATH && cd .venvs && $(CURDIR)/$(BIN)/pyright --verifytypes kraty_server --ignoreexternal

## What the wheel brings with it, as CycloneDX.
sbom: build
	rm -rf .venvs/sbom sbom
	$(PYTHON) -m venv --without-pip .venvs/sbom
	$(BIN)/python -m pip --python .venvs/sbom/bin/python install --quiet dist/*.whl
	mkdir sbom
	version=$$($(BIN)/python -c "from kraty_server import __version__; print(__version__)") && \
		sed "s/^dynamic = .*/version = \"$$version\"/" pyproject.toml > .venvs/sbom/pyproject.toml
	$(BIN)/cyclonedx-py environment --pyproject .venvs/sbom/pyproject.toml --output-reproducible \
		--output-file sbom/kraty-server.cdx.json .venvs/sbom/bin/python
	$(BIN)/python tests/packaging/sbom.py sbom/kraty-server.cdx.json

## Whether the tag that is being released says our version, and the CHANGELOG a date.
check-tag: $(VENV)/dev.stamp
	$(BIN)/python -m codegen release "$(or $(TAG),$(GITHUB_REF_NAME))"

## The suite on every supported Python that is installed.
test-pythons:
	.ci/pythons

## The suite with the oldest and the newest dependencies that pyproject.toml allows.
test-bounds:
	.ci/bounds

## 20,000 writes in each flavour through a proxy that breaks 30 % of the requests, and an audit (some minutes).
soak: $(VENV)/dev.stamp
	$(BIN)/python -m tests.faults.soak $(SOAK)

## An emulator killed 20 times under load: nothing that was answered is lost, nothing is doubled (a minute).
durability: $(VENV)/dev.stamp
	$(BIN)/python -m tests.emulator.durability $(KILLS)

## Each kind of job killed 20 times, with lost answers and 429s, and an audit of the books (some minutes).
job-soak: $(VENV)/dev.stamp
	$(BIN)/python -m tests.bulk.kills $(JOB_SOAK)

## What a call costs, how it scales, and what a storm of retries does: the figures of docs/performance.md (some minutes).
bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.client --json benchmarks/results/client.json
	$(BIN)/python -m benchmarks.pools --json benchmarks/results/pools.json
	$(BIN)/python -m benchmarks.scale --json benchmarks/results/scale.json
	$(BIN)/python -m benchmarks.bulk --json benchmarks/results/bulk.json
	$(BIN)/python -m benchmarks.storm --json benchmarks/results/storm.json
	$(BIN)/python -m benchmarks.report
	$(BIN)/python -m benchmarks.emulator

## The memory of a served emulator that makes 1,000,000 credits with a webhook each (some minutes); fewer with CREDITS=...
bench-memory: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.emulator_memory $(CREDITS)

## The work of a call in our own code, counted: fails where it has grown by more than a tenth.
work: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.work

clean:
	rm -rf $(VENV) .venvs .node .reports dist mutants sbom
