"""Run the long runs, several at a time, and store what they give.

    python experiments/run.py                        all of them
    python experiments/run.py s3_relu s3_momentum    these
    python experiments/run.py --list                 what there is, and what is done
    python experiments/run.py --check                check the settings, run nothing
    python experiments/run.py --scheduler tcp://HOST:8786    on a Dask cluster with mnist_helpers and the data installed

Each file NAME.yaml gives results/NAME.json, written anew as soon as one of its runs ends. What stands there already
is not run again, unless its settings or the data have changed; so an interrupted command can simply be repeated.
"""

import argparse
import json
import math
import os
import signal
from difflib import get_close_matches
from pathlib import Path

import yaml
from tqdm import tqdm

from mnist_helpers.longruns import data_hashes, run_one
from mnist_helpers.optim import update_rule

FOLDER = Path(__file__).resolve().parent
SEEDS = (1, 2, 3)
TIMEOUT = "10s"  # for a scheduler to answer


class SettingsError(ValueError):
    """A file of settings or results cannot be used. The message names the file, the key and what was expected."""


class _Loader(yaml.SafeLoader):
    """Safe YAML that does not let the second of two equal keys win in silence."""

    def construct_mapping(self, node, deep=False):
        mapping = super().construct_mapping(node, deep)
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := sorted({str(key) for key in keys if keys.count(key) > 1}):
            raise SettingsError(f"{', '.join(twice)} given twice")
        return mapping


def load_settings(path):
    """Return the settings in a YAML file.

    Raises
    ------
    SettingsError
        If the file cannot be read, or a key or a value is not what schema.json allows. All faults are named.
    """
    path = Path(path)
    try:
        settings = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, SettingsError) as error:
        raise SettingsError(f"{path.name}: {error}") from error
    faults = sorted(_validator().iter_errors(settings), key=lambda fault: list(fault.path))
    messages = [message for fault in faults for message in _explained(fault)]
    messages = messages or _not_finite(settings) or _not_together(settings["training"])
    if messages:
        raise SettingsError("\n".join(f"{path.name}: {message}" for message in messages))
    return settings


def _validator():
    """Return one for which 5.0 is no integer, as it is none for Python's range and NumPy's shapes."""
    from jsonschema import Draft202012Validator  # only here: it takes a second, which no worker need wait for
    from jsonschema.validators import extend

    is_whole = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    schema = json.loads((FOLDER / "schema.json").read_text())
    return extend(Draft202012Validator, type_checker=is_whole)(schema)


def _explained(fault):
    """Say where the fault is and what would be right."""
    where = ".".join(map(str, fault.path))
    prefix = f"{where}: " if where else ""
    if fault.validator == "additionalProperties":
        known = fault.schema["properties"]
        for key in sorted(fault.instance.keys() - known.keys(), key=str):
            yield f"{prefix}unknown key {key!r}; {_hint(str(key), known)}"
    elif "$comment" in fault.schema:  # of settings that need or exclude another
        yield f"{prefix}{fault.schema['$comment']}"
    elif fault.instance is None:
        yield f"{prefix}nothing given, expected {fault.validator_value}"
    elif fault.validator_value in ("integer", "number") and _is_number(fault.instance):
        yield f"{prefix}{fault.message} (YAML reads a number like 1e-4 as text: write 1.0e-4, without quotes)"
    else:
        yield f"{prefix}{fault.message}"


def _hint(word, known):
    close = get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def _is_number(text):
    try:
        return isinstance(text, str) and math.isfinite(float(text))
    except ValueError:
        return False


def _not_finite(value, where=""):
    """JSON Schema lets NaN pass every bound."""
    if isinstance(value, dict):
        return [text for key, part in value.items() for text in _not_finite(part, f"{where}.{key}".strip("."))]
    return [f"{where}: must be finite, got {value}"] if isinstance(value, float) and not math.isfinite(value) else []


def _not_together(training):
    """Ask the update rule about values that are right one by one."""
    names = ("learning_rate", "momentum", "nesterov", "weight_decay")
    try:
        update_rule(**{name: training[name] for name in names if name in training})
    except ValueError as error:
        return [f"training: {error}"]
    return []


def stored_result(path, settings):
    """Return the result in a JSON file, or an empty one if there is none or it belongs to other settings or data.

    Raises
    ------
    SettingsError
        If the file holds something else, such as the marks of a merge: it may be dear, so it is not overwritten.
    """
    fresh = {"settings": settings, "data": data_hashes(settings["data"]), "runs": []}
    if not path.exists():
        return fresh
    try:
        result = json.loads(path.read_text())
        seeds = {run["seed"] for run in result["runs"]}
        same = all(result[key] == fresh[key] for key in ("settings", "data"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{path} is damaged ({error!r}): restore it, or delete it to run it again") from error
    return result if same and seeds else fresh


def write_result(path, result):
    """Write the JSON file at once, so that an interruption leaves the old one or the new one."""
    result["runs"].sort(key=lambda run: run["seed"])
    temporary = path.with_suffix(".part")
    temporary.write_text(_readable(result))
    temporary.replace(path)


def _readable(result):
    """Return JSON with one line for each run."""
    runs = ",\n".join(json.dumps(run) for run in result["runs"])
    return json.dumps(result | {"runs": []}, indent=1).replace('"runs": []', f'"runs": [\n{runs}\n]') + "\n"


def missing_runs(settings_of, seeds, results):
    """Return the (name, seed) pairs that no stored result holds, and the results as they are stored."""
    stored = {name: stored_result(results / f"{name}.json", settings) for name, settings in settings_of.items()}
    done = {(name, run["seed"]) for name, result in stored.items() for run in result["runs"]}
    return [(name, seed) for seed in seeds for name in settings_of if (name, seed) not in done], stored


def run_missing(settings_of, client, *, results, seeds=SEEDS):
    """Run what is missing on the client's workers and store each run when it ends.

    Parameters
    ----------
    settings_of : dict
        Name: settings.
    client : distributed.Client
    results : Path
        The folder of the JSON files.
    seeds : sequence of int

    Returns
    -------
    list of str
        What went wrong; empty if nothing did. A run that goes wrong does not stop the others.
    """
    from distributed import as_completed

    results.mkdir(parents=True, exist_ok=True)
    missing, stored = missing_runs(settings_of, seeds, results)
    futures = {client.submit(run_one, settings_of[name], seed, pure=False): (name, seed) for name, seed in missing}
    problems = []
    with tqdm(total=len(missing), unit="run", disable=os.environ.get("TQDM_DISABLE") == "1") as bar:
        for future in as_completed(futures):
            name, seed = futures[future]
            if future.status == "finished":
                stored[name]["runs"].append(future.result())
                write_result(results / f"{name}.json", stored[name])
            else:
                problems.append(f"{name}, seed {seed}: {future.exception() or future.status!r}")
            bar.set_postfix_str(name)
            bar.update()
    return problems


def connect(address, processes):
    """Return a client of the scheduler at the address, or of a new cluster of processes on this machine."""
    import dask
    from distributed import Client, LocalCluster

    if address is None:
        # Ctrl-C is for this process alone; the workers, which inherit that it is ignored, end with it.
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            # What goes wrong in a run comes back from it. A worker's own complaints are that its scheduler has closed.
            options = {"dashboard_address": "127.0.0.1:0", "memory_limit": None, "silence_logs": "CRITICAL"}
            # Dask tells its workers to hand memory back at once, which makes these runs several times as slow.
            with dask.config.set({"distributed.nanny.pre-spawn-environ": {}}):
                return Client(LocalCluster(n_workers=processes, threads_per_worker=1, **options))
        finally:
            signal.signal(signal.SIGINT, handler)
    print(f"asking the Dask scheduler at {address}")
    try:
        return Client(address, timeout=TIMEOUT)
    except (OSError, ValueError) as error:
        raise SystemExit(f"no Dask scheduler answers at {address}: {error}") from error


def _chosen(names, folder):
    """Return the settings of the named files, or of all."""
    known = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if not known:
        raise SettingsError(f"no settings in {folder}")
    for name in names:
        if name not in known:
            raise SettingsError(f"no {name}.yaml in {folder}; {_hint(name, known)}")
    return {name: load_settings(known[name]) for name in names or known}


def _arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="settings files without .yaml; default: all")
    parser.add_argument("--list", action="store_true", help="say what is done, run nothing")
    parser.add_argument("--check", action="store_true", help="check the settings, run nothing")
    parser.add_argument("--processes", type=_at_least_one, default=os.cpu_count(), help="default: one for each core")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster; default: processes on this machine")
    parser.add_argument("--settings", type=Path, default=FOLDER, help="folder of the YAML files")
    parser.add_argument("--results", type=Path, default=FOLDER / "results", help="folder of the JSON files")
    return parser.parse_args(arguments)


def _at_least_one(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def main(arguments=None):
    options = _arguments(arguments)
    try:
        settings_of = _chosen(options.names, options.settings)
        missing, _ = missing_runs(settings_of, SEEDS, options.results)
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    if options.list:
        for name, settings in settings_of.items():
            done = len(SEEDS) - sum(name == other for other, _ in missing)
            print(f"{name:24s} {done} of {len(SEEDS)}  {settings['source']}: {settings['title']}")
    if options.list or options.check or not missing:
        print(f"{len(settings_of)} settings are right, {len(missing)} runs are missing")
        return
    try:
        with connect(options.scheduler, options.processes) as client:
            try:
                problems = run_missing(settings_of, client, results=options.results)
            finally:
                if options.scheduler is None:
                    client.cluster.close()
    except KeyboardInterrupt:
        raise SystemExit("interrupted; the same command goes on with what is missing") from None
    if problems:
        raise SystemExit("\n".join(problems))


if __name__ == "__main__":
    main()
