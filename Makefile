# make demo    the whole method on phantoms, in ./demo
# make test    the tests, some minutes         make test TESTS=tests/tfrecords ARGS='-k wire'
#              and those that take long        make test ARGS='-m long'
# make lint    ruff
# make clean   removes what the others made
# Another Python: make PYTHON=python3.12 ...   It must be 3.10 to 3.13.

PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= test
TESTS ?= tests
ARGS ?=
READY = $(VENV)/.installed-$(EXTRAS)

# Workers beside each other: with a thread each they do not fight for the cores. A file stays in one worker, so that
# what its tests share is made once.
WORKERS = -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
THREADS = TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: demo test lint install clean

demo: $(READY)
	$(VENV)/bin/python -m mil_tf.demo

test: $(READY)
	$(THREADS) $(VENV)/bin/python -m pytest $(WORKERS) -m "not long" $(ARGS) $(TESTS)

lint: $(READY)
	$(VENV)/bin/python -m ruff check .

install: $(READY)

$(READY): setup.py
	@command -v $(PYTHON) >/dev/null || \
	  { echo "make: no $(PYTHON) found; install Python 3.10 to 3.13, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "make: Expected Python 3.10 to 3.13. Received: $$($(PYTHON) -V 2>&1 | tail -1); name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "make: $(PYTHON) cannot make environments with pip; install its venv package (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet -e '.[$(EXTRAS)]'
	@touch $@

clean:
	rm -rf .venv .venv-addons demo build dist *.egg-info .pytest_cache .ruff_cache
