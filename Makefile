# Everything runs in a virtual environment that these targets make; PYTHON picks the interpreter (3.11 or later).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
OUT ?= scores
PEERS ?= .local/peers

.PHONY: serve transcribe test lint check format install bench-listen bench-notate

serve: $(INSTALLED)
	$(BIN)/transcriber-serve

transcribe: $(INSTALLED)
	$(BIN)/transcribe "$(RECORDING)" -o "$(OUT)"

test: $(INSTALLED)
	$(BIN)/python -m pytest

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

check: lint test

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(INSTALLED)

# The note model beside basic-pitch on DATA, a folder of recordings with MIDI files of their names.
bench-listen: $(INSTALLED) $(PEERS)/basic-pitch/.installed
	$(BIN)/python -m eval.bench_listen $(if $(DATA),--data "$(DATA)") $(if $(PIANOS),--pianos "$(PIANOS)") \
		$(if $(LABEL_DELAYS),--label-delays "$(LABEL_DELAYS)") --basic-pitch $(PEERS)/basic-pitch/bin/python

# Our notation beside MuseScore's and music21's import on DATA, a folder of performances aligned with printed scores; from
# sound, too, with PIANOS.
bench-notate: $(INSTALLED)
	$(BIN)/python -m eval.bench_notate --data "$(DATA)" $(if $(PIANOS),--pianos "$(PIANOS)") \
		$(if $(LIMIT),--limit $(LIMIT))

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[service,train,dev]"
	touch $@

# Without its own dependencies: it asks for a TensorFlow that Python 3.11 on Linux has no use for; ONNX runs the same
# network. resampy 0.4.2 needs the pkg_resources that setuptools 81 drops.
$(PEERS)/basic-pitch/.installed: eval/peers/basic-pitch.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --no-deps --requirement $<
	touch $@
