# Every target makes the environment it needs. `make help` lists them.

PYTHON ?= python3
PYTHONS := 3.11 3.12 3.13 3.14
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# What builds the pages: an environment of its own, without PyTorch.
BOOK := $(VENV)-book
BOOK_BIN := $(BOOK)/bin
BOOK_READY := $(BOOK)/.ready

# On Linux PyPI has PyTorch with CUDA, 3 GB; where no NVIDIA driver is, PyTorch's own index has it
# without, 0.2 GB. What that index does not give (it may be out of reach) comes from PyPI.
CPU_WHEELS := https://download.pytorch.org/whl/cpu
NVIDIA := $(or $(wildcard /proc/driver/nvidia/version),$(shell command -v nvidia-smi))
TORCH ?= $(if $(NVIDIA),cuda,cpu)
CPU_ONLY := $(and $(filter cpu,$(TORCH)),$(filter Linux,$(shell uname -s)))
CUDA_PINS := ^(cuda|nvidia|triton)
SHARED := references.bib _config.yml _toc.yml $(wildcard nwp/*.py lab/*.py exercises/*.* tests/*.py) \
          $(wildcard tools/*.* tools/*/*) $(wildcard proofs/*) $(shell find assets -type f)
ENGLISH := $(wildcard *.yml *.md chapters/* reference/*)
PORTUGUESE := $(wildcard pt/*.yml pt/*.md pt/chapters/* pt/reference/*) reference/document_text.md

# What a user set for Python elsewhere: without asserts no test tests.
unexport PYTHONOPTIMIZE PYTHONWARNINGS PYTHONSTARTUP

.DEFAULT_GOAL := help
.PHONY: help book install pdf test test-all pages notebooks chapters execute explorers proofs lint spelling \
        translation-status bench bench-training gpu coverage pins clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Make the environment $(1), anew if it is of another Python; one that was left half-made is completed.
define environment
	@$(PYTHON) -c 'import sys; v = sys.version_info; (3, 11) <= v < (3, 15) or sys.exit("Python 3.11, 3.12, 3.13 or 3.14 is needed, and $(PYTHON) is %d.%d: name another with make PYTHON=..." % v[:2])'
	$(PYTHON) -m venv $$([ "$$($(1)/bin/python -V 2>&1)" = "$$($(PYTHON) -V)" ] || echo --clear) $(1)
endef

# Install the requirements of $(2) into the environment $(1): with uv where it is, in seconds.
define install
	{ command -v uv >/dev/null && uv pip install --quiet --python $(1)/bin/python --requirement $(2); } \
	    || $(1)/bin/python -m pip install --quiet --requirement $(2)
endef

$(BOOK_READY): requirements-book.txt
	$(call environment,$(BOOK))
	$(call install,$(BOOK),requirements-book.txt)
	@touch $@

$(READY): requirements.txt requirements-cuda.txt pyproject.toml
	@case '$(TORCH)' in cpu | cuda) ;; *) echo "make TORCH=cpu or TORCH=cuda, not TORCH=$(TORCH)"; exit 1 ;; esac
	$(call environment,$(VENV))
	$(if $(CPU_ONLY),$(BIN)/python -m pip install --quiet --no-deps --retries 0 --timeout 15 \
	    --index-url $(CPU_WHEELS) $$(grep '^torch==' requirements.txt) 2>/dev/null \
	    || echo "PyTorch without CUDA is not to be had from $(CPU_WHEELS): it comes from PyPI")
	$(call install,$(VENV),requirements.txt)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

install: $(READY)  ## make the environment of the tests and notebooks, .venv

# The editions are built side by side: neither reads what the other writes.
book:  ## build both editions (BROWSER=1: with Python for cells to run offline)
	@$(MAKE) --no-print-directory -j 2 _build/html/.built _build/html/pt/.built
	$(if $(BROWSER),$(BOOK_BIN)/python tools/browser.py)
	@echo "Open _build/html/index.html, or _build/html/pt/index.html in Portuguese"

_build/html/.built: $(BOOK_READY) $(SHARED) $(ENGLISH)
	@# All pages are written, for each shows the table of contents. After a failure all are read
	@# again: a page that is not would not repeat its warning.
	$(BOOK_BIN)/jupyter-book build --all --quiet -W -n --keep-going . || { rm -rf _build/.doctrees; exit 1; }
	@touch $@

_build/html/pt/.built: $(BOOK_READY) $(SHARED) $(PORTUGUESE)
	$(BOOK_BIN)/python tools/editions.py
	@touch $@

# One process a core, but no more than four: each takes up to a gigabyte and a half of memory.
test: book $(READY)  ## build the book, then run every test and every notebook, up to four at a time
	$(BIN)/python -m pytest --nbval -n logical --maxprocesses 4 --dist loadscope

test-all:  ## run the tests under each Python from 3.11 to 3.14, and say which one is missing
	@missing=; failed=; \
	for v in $(PYTHONS); do \
	    if ! python$$v -c '' 2>/dev/null; then missing="$$missing $$v"; \
	    else $(MAKE) test VENV=.venv-$$v PYTHON=python$$v || failed="$$failed $$v"; fi; \
	done; \
	for v in $$missing; do echo "Python $$v is not installed: nothing was run under it"; done; \
	for v in $$failed; do echo "Python $$v: failed"; done; \
	test -z "$$failed"

pdf: book $(READY)  ## print both editions to _build/pdf/ (needs Chromium)
	$(BIN)/python tools/pdf.py

# What `make gpu` measured here: chapter 8 shows it beside what the book records.
YOURS := NWP_GPU="$$(ls "$$PWD/_build/bench/gpu.json" 2>/dev/null)"

notebooks: book $(READY)  ## open the reader's notebooks in JupyterLab, to run and to write in
	$(BIN)/python tools/reader.py
	$(YOURS) JUPYTER_CONFIG_PATH=tools/jupyter $(BIN)/jupyter lab --LabApp.default_url=/lab/tree/my-notebooks/01_loss.ipynb

chapters: $(READY)  ## open the chapters' sources in JupyterLab with MyST, to change the book
	$(YOURS) $(BIN)/jupyter lab --LabApp.default_url=/lab/tree/chapters/01_loss.ipynb

execute: $(READY)  ## run all chapters of both editions in place, normalize them, update reading times
	$(BIN)/python tools/reading.py
	$(BIN)/python tools/notebooks.py execute chapters/*.ipynb pt/chapters/*.ipynb

translation-status: $(READY)  ## say what changed in English since it was translated
	@$(BIN)/python tools/translation.py status

explorers: $(READY)  ## train anew the model whose predictions an explorer shows
	$(BIN)/python tools/explorer_model.py

proofs:  ## check the formal proofs, and that each fails for a changed statement (needs Coq)
	$(PYTHON) tools/formal.py

lint: $(READY)  ## check the code with ruff, and the types of our packages with mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

spelling: $(READY)  ## check the spelling of both editions (needs hunspell)
	$(BIN)/python tools/spelling.py

bench: $(READY)  ## time and memory of the loss beside its peers (PRESET=cpu)
	$(BIN)/python benchmarks/loss.py --preset $(or $(PRESET),cpu) --out _build/bench/$(or $(PRESET),cpu).json

bench-training: $(READY)  ## our training beside nanoGPT's recipe (SIZE=cpu, or gpu; downloads the text)
	$(BIN)/python benchmarks/training.py --size $(or $(SIZE),cpu) --device $(if $(filter gpu,$(SIZE)),cuda,cpu) --out _build/bench/training_$(or $(SIZE),cpu).json

# Where python3 has PyTorch for CUDA, nothing else is needed, nor installed.
gpu:  ## all that chapter 8 says of a GPU, measured on yours in ten minutes (downloads two texts)
	PYTHONPATH=. $$($(PYTHON) -c 'import sys, torch; print(sys.executable)' 2>/dev/null || echo $(BIN)/python) \
	    benchmarks/gpu.py --out _build/bench/gpu.json

coverage: $(READY)  ## line coverage of our packages by their tests
	$(BIN)/python -m pytest --cov=nwp --cov=lab --cov=exercises --cov-report=term-missing tests

PIN := uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header

pins: requirements.in requirements-book.in  ## pin every dependency anew (needs uv)
	$(PIN) --upgrade requirements.in > requirements.all
	{ echo '# What torch pulls in where it is built for CUDA; used as constraints.'; \
	  grep -E '$(CUDA_PINS)' requirements.all; } > requirements-cuda.txt
	{ echo '# Written by make pins from requirements.in.'; echo '-c requirements-cuda.txt'; \
	  grep -Ev '$(CUDA_PINS)' requirements.all; } > requirements.txt
	{ echo '# Written by make pins from requirements-book.in: the part of requirements.txt that builds the book.'; \
	  $(PIN) --constraint requirements.all requirements-book.in; } > requirements-book.txt
	rm requirements.all

clean:  ## remove the built book and the environments
	rm -rf _build $(foreach env,$(VENV) $(PYTHONS:%=.venv-%),$(env) $(env)-book)
