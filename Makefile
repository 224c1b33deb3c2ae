# Everything sets itself up: `python3 -m venv` and pip are all that is needed.
# A comment with ## is what `make` alone says about the target below it.
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
# An environment that was moved along with its clone runs the code at its old place, so it is made anew.
$(shell for place in "$(VENV)/place" .venvs/*/place; do folder=$${place%/place}; [ ! -e "$$place" ] || \
	[ "$$(cat "$$place")" = "$$(cd "$$folder" && pwd -P)" ] || rm -f "$$folder"/*.stamp; done)

.PHONY: help demo test quick coverage mutants airflow engines lock docs site site-screenshots publish-site lint workflows types generate check-generated lint-document diff bump parity surface
.PHONY: spec-bump pull-request browser screenshots build smoke sbom check-tag test-pythons test-bounds soak differential job-soak durability bench bench-memory work clean

help:
	@awk '/^## / { said = substr($$0, 4) } \
		/^[a-z][a-z-]*:/ { if (said) { sub(/:.*/, "", $$1); printf "make %-16s %s\n", $$1, said } said = "" }' Makefile
	@$(PYTHON) .ci/environment.py

$(VENV)/run.stamp: pyproject.toml $(LOCK)
	$(PYTHON) .ci/environment.py $(VENV)
	$(PIP) --editable ".[emulator]"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	$(PIP) "pip>=25.1"
	$(PIP) --editable ".[emulator,aiohttp,fast,http2,otel]" $(GROUPS)
	@touch $@

# Sanic wants an older multidict than aiohttp does, so it has an environment of its own.
.venvs/sanic-%/sanic.stamp: pyproject.toml
	$(PYTHON) .ci/environment.py $(@D)
	$(@D)/bin/python -m pip install --quiet "pip>=25.1"
	$(@D)/bin/python -m pip install --quiet --editable . --group sanic
	@touch $@

## Buy something in a game, twice, with a lost answer in between (a minute, set-up included).
demo: $(VENV)/run.stamp
	@$(BIN)/python examples/demo.py

## The whole suite.
test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(PYTEST)

## The README, the docs and the examples, as tests.
docs: $(VENV)/dev.stamp
	$(BIN)/python -m pytest tests/docs

## What is fast, 80 seconds on two cores: before each commit.
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

## Change the code in every small way, and see whether a test fails: the score in tests/README.md (half an hour).
mutants: $(VENV)/dev.stamp
	$(PIP) --group mutants
	rm -rf mutants
	-$(BIN)/mutmut run
	$(BIN)/python -m tests.mutants

## The provider and the recipes for Airflow, in Airflow itself: an environment of its own, some minutes. Not part of CI.
airflow: .venvs/airflow/airflow.stamp
	MYPYPATH=generated .venvs/airflow/bin/mypy --config-file= --strict --explicit-package-bases kraty_server/airflow
	AIRFLOW_HOME=$(CURDIR)/.venvs/airflow/home .venvs/airflow/bin/python -m pytest \
		tests/unit/test_airflow.py tests/frameworks/test_airflow.py tests/frameworks/test_airflow_provider.py

.venvs/airflow/airflow.stamp: pyproject.toml
	$(PYTHON) .ci/environment.py .venvs/airflow
	.venvs/airflow/bin/python -m pip install --quiet "pip>=25.1"
	.venvs/airflow/bin/python -m pip install --quiet --editable ".[airflow,testing]" --group airflow
	@touch $@

## Jobs in Dask, Ray, Spark, Celery and Airflow, whose workers are killed (gigabytes and many minutes): docs/bulk.md.
# Spark needs a Java, Celery a Redis. Not part of CI. ENGINES="--rows 20000 --kills 2"
engines: $(addprefix engines-,dask dask-frames ray spark celery airflow)

engines-airflow: .venvs/airflow/airflow.stamp
	timeout 1800 .venvs/airflow/bin/python -m tests.bulk.engines airflow $(ENGINES)

engines-dask-frames: .venvs/engines-dask/engines.stamp
	timeout 1800 .venvs/engines-dask/bin/python -m tests.bulk.engines dask-frames $(ENGINES)

engines-%: .venvs/engines-%/engines.stamp
	timeout 1800 .venvs/engines-$*/bin/python -m tests.bulk.engines $* $(ENGINES)

.venvs/engines-%/engines.stamp: pyproject.toml
	$(PYTHON) .ci/environment.py $(@D)
	$(@D)/bin/python -m pip install --quiet "pip>=25.1"
	$(@D)/bin/python -m pip install --quiet --editable ".[testing]" --group engines-$*
	@touch $@

## Take the newest of all that is used here, and write down its versions for this Python.
lock:
	rm -rf .venvs/lock
	$(MAKE) --no-print-directory .venvs/lock/dev.stamp VENV=.venvs/lock LOCK=
	.venvs/lock/bin/python -m pip install --quiet --group mutants
	.ci/lock .venvs/lock/bin/python

## The browser for the tests of the emulator's page, from Debian's packages where there is none.
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

## Put the pages of this version onto the branch that GitHub Pages serves. For the workflow.
publish-site:
	.ci/publish-site .site

## Form, what is unsafe, and layers.
lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache --no-logo

## The workflows of the repository: their form, and what is unsafe in them.
workflows: $(VENV)/dev.stamp
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --no-progress --quiet --persona pedantic .github/workflows

## What type checkers say: mypy, as on Windows and macOS too, and pyright, all strict.
# With -p, since a pyrightconfig.json in any folder above would be taken otherwise.
types: $(VENV)/dev.stamp
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 kraty_server generated
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin kraty_server generated
	$(BIN)/pyright -p pyproject.toml --pythonpath $(BIN)/python

## Write generated/ from the document.
generate: $(VENV)/dev.stamp
	$(BIN)/python -m codegen generate

## Whether generated/ is what the document makes.
check-generated: $(VENV)/dev.stamp
	$(BIN)/python -m codegen check

## What the generator, the templates or a reader of the document would stumble over.
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

## Fetch the document from $SPEC, take it over, and hold the result against the Node SDK $NODE_SDK if that is set.
spec-bump: $(VENV)/dev.stamp
	@test -n "$$SPEC" || { echo "SPEC is not set: where is the new document?" >&2; exit 2; }
	mkdir -p .reports
	$(BIN)/python -m codegen bump "$$SPEC" --report .reports/bump.md
	if [ -n "$$NODE_SDK" ]; then npm install --silent --no-save --ignore-scripts --prefix .node "$$NODE_SDK"; fi
	-$(BIN)/python -m codegen parity $${NODE_SDK:+--node .node} --report .reports/parity.md

## Open a pull request with what `make spec-bump` has written. For the workflow.
pull-request:
	.ci/pull-request .bump

## The wheel and the sdist, in dist/: the same bytes from the same commit.
build: $(VENV)/dev.stamp
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 1580601600) $(BIN)/python -m build --quiet
	@ls -l dist

## Install the wheel into an empty environment, use it there, and see that all its types are known.
smoke: build
	rm -rf .venvs/smoke
	$(PYTHON) .ci/environment.py .venvs/smoke
	.venvs/smoke/bin/python -m pip install --quiet dist/*.whl
	cd .venvs/smoke && bin/python -I ../../tests/packaging/smoke.py
	.venvs/smoke/bin/python -m pip install --quiet "django>=5.2" "django-stubs>=5.2" \
		opentelemetry-instrumentation  # bases of kraty_server.django and kraty_server.otel
	.venvs/smoke/bin/python -m pip install --quiet --no-deps apache-airflow-task-sdk  # and of kraty_server.airflow
	PATH="$(CURDIR)/.venvs/smoke/bin:$$PATH" && cd .venvs && "$(CURDIR)/$(BIN)/pyright" --verifytypes kraty_server --ignoreexternal

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

## 200,000 answers, most of them nearly right, read by `transport="fast"` and by httpx: no difference without a reason (minutes).
differential: $(VENV)/dev.stamp
	$(BIN)/python -m tests.faults.differential $(DIFFERENTIAL)

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
	$(BIN)/python -m benchmarks.sdks --json benchmarks/results/sdks.json
	$(BIN)/python -m benchmarks.report
	$(BIN)/python -m benchmarks.emulator

## The memory of a served emulator that makes 1,000,000 credits with a webhook each (some minutes); fewer with CREDITS=...
bench-memory: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.emulator_memory $(CREDITS)

## The work of a call in our own code, counted: fails where it has grown by more than a tenth.
work: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.work

## Remove what make has made.
clean:
	rm -rf $(VENV) .venvs .node .reports dist mutants sbom
