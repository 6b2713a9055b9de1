# Everything runs in an environment of its own, .venv, made on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help book instructor-book pdf epub slides lite test serve release grade hostile answers notebooks lint browser \
	links benchmark bugs museum experiments data address clean
help: ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import venv, ensurepip' || (echo 'The venv module is missing; on Debian and Ubuntu: apt install python3-venv'; exit 1)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -r requirements.txt
	@touch $@

# After a failure all pages are built anew: Sphinx warns of a page only when it builds it.
book: $(READY) ## build the HTML book
	$(BIN)/jupyter-book build -W -n --keep-going book || (rm -rf book/_build/.doctrees; exit 1)
	@echo 'Open book/_build/html/index.html in a browser, or: make serve'

instructor-book: $(READY) ## build the HTML book with solutions and rubrics
	COURSE_EDITION=instructor $(BIN)/jupyter-book build -W -n --keep-going book --path-output build/instructor

pdf: $(READY) ## print the whole book into one PDF; needs Chromium
	$(BIN)/python tools/print_book.py pdf

epub: $(READY) ## make an EPUB of the whole book
	$(BIN)/python tools/print_book.py epub

slides: $(READY) ## make slides of every chapter, in build/slides
	$(BIN)/python tools/make_slides.py
	@echo 'Open a page of build/slides in a browser; the keys: space, arrows, Esc for all slides, ? for the others'

lite: $(READY) ## make a site that runs in the browser alone, in build/lite; experimental
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[lite]'
	$(BIN)/python tools/make_lite.py

test: $(READY) ## run every test and every chapter (pytest --nbval)
	$(BIN)/python -m pytest --nbval

serve: book ## build the book and serve it on http://localhost:8000
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory book/_build/html 8000

release: $(READY) ## make the sheets without solutions, an archive, links and the student book
	$(BIN)/python -m instructor release

grade: $(READY) ## grade a folder: make grade SUBMISSIONS=folder SHEET=02_softmax OUT=folder
	$(BIN)/python -m instructor grade "$(SUBMISSIONS)" --sheet "$(SHEET)" --out "$(OUT)"

hostile: $(READY) ## grade 200 hostile submissions and compare every status
	$(BIN)/python benchmarks/hostile_class.py

answers: $(READY) ## show what right and wrong answers to every task are told
	$(BIN)/python -m instructor.answers

notebooks: $(READY) ## run every chapter again in place; needs real MNIST
	$(BIN)/python tools/run_notebooks.py

lint: $(READY) ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/set_address.py --check

browser: book ## test the built book in Chromium
	$(BIN)/python -m pytest --dist worksteal -m 'not timing' browser_tests
	$(BIN)/python -m pytest -n 0 -m timing browser_tests

links: $(READY) ## ask every link to another site whether it still leads somewhere; needs a network
	$(BIN)/python tools/check_links.py

benchmark: $(READY) ## compare the speed of training with PyTorch's
	$(BIN)/python benchmarks/epoch_speed.py

bugs: $(READY) ## show what the gradient checker says of every planted bug
	$(BIN)/python -m mnist_helpers.planted_bugs

museum: $(READY) ## list the museum of failures: symptom, check and verdict of every exhibit
	$(BIN)/python -m mnist_helpers.museum

experiments: $(READY) ## run the long runs that are missing (an hour on two cores if all are), and the exact optimum
	$(BIN)/python experiments/run.py
	$(BIN)/python experiments/collapse.py
	test -f experiments/results/optimum.npz || $(BIN)/python experiments/optimum.py
	test -f experiments/results/pad_weights.npz || OPENBLAS_NUM_THREADS=1 $(BIN)/python experiments/pad_weights.py

data: $(READY) ## download both data sets and say where they are
	$(BIN)/python -m mnist_helpers.data

address: $(READY) ## write the repository's address from pyproject.toml everywhere
	$(BIN)/python tools/set_address.py

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) book/_build build .pytest_cache .hypothesis .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
