"""Which printed commands are not typed by the tests of this folder, and why. What stands in none of these tables is run.

A new command block is therefore run, or needs a line here; `test_printed_commands.py` finds lines that match nothing.
"""

# Blocks that other tests run as they are printed: (page, heading, language) -> the test.
ELSEWHERE = {
    ("venue-faults.md", "By hand", "sh"): "venue_faults/test_control.py::test_the_guides_curl_lines_work",
    ("venue-faults.md", "In a test", "python"): "venue_faults/test_control.py::test_the_guides_test_works",
}
# Minutes of computing or a download: run by `make t1` (test_long_commands.py), not by `make test`.
LONG = {
    "python3.11 -m venv .venv",
    ".venv/bin/python -m pip install -r requirements.txt",
    "python -m trader simulate --sessions 1000 --seed 1 --jobs 2",
    "python -m trader simulate --sessions 1000 --seed 1 --json",
    "python -m trader simulate --kills all --sessions 1 --seed 1 --jobs 2",
    "python -m trader simulate --kills double --sessions 2000 --seed 1 --jobs 2",
}
# Pages that take half a minute each: walked by `make t1`. What they print is run by the README's walk or by tests/cli, too.
LONG_PAGES = {"runbook.md", "tickets.md"}
# Run by no test. That they can be parsed is checked all the same.
NOT_RUN = {
    "py -3.11 -m venv .venv": "Windows",
    ".venv\\Scripts\\python -m pip install -r requirements.txt": "Windows",
    ".venv\\Scripts\\python -m trader up": "Windows; `up` is run on this system",
    "PORT=8600 make run": "`make run` is run, with a free port in PORT",
    "RUNNER=process make run": "`make run` is run; cli/test_hosts.py runs `up`, which it calls, with RUNNER",
    "python -m trader record --exchange production --secs 3600": "needs the internet, an hour",
    "python -m trader record var/night --exchange testnet --underlyings BTC --expiries 2 --rotate-minutes 60": (
        "needs the internet, a night"
    ),
    "python -m trader simulate --sessions 20000 --seed 960000000 --jobs 2": "six minutes; the ledger says what came of it",
    "python -m trader simulate --sessions 2400 --seed 98010000 --jobs 2": "two minutes and more; the ledger says what came of it",
    "python -m trader simulate --sessions 100000 --seed 150000000 --jobs 2": "half an hour; the ledger says what came of it",
    "python -m trader beside": "needs something foreign beside a run that waits; desk/test_foreign.py confirms as it does",
    "python -m trader performance --kinds all --by structure": "cli/test_performance.py and api/test_results.py ask for it",
    "python -m trader flatten --any-price": "asks first like `flatten`, which is run; what it pays is in flatten/test_pricing.py",
    "python -m trader watch --test": "needs a channel somewhere; cli/test_watch.py runs it with two",
    "python -m trader watch": "goes on until it is stopped; watch/test_process.py and test_drill.py run it",
    "python -m trader simulate --kills all --seed 1": "the ledger's; with a number of sessions it is run by `make t1`",
}
# The project's own tests and measurements: `make test` would run itself, the others take minutes to an hour.
OURS = r"(\w+=\S+ )*(make (?!run\b)|pytest |python -m (tests|bench)\b)"
# Commands of running text that are run behind the blocks of their page; capitals are filled in.
ALSO = {
    "api.md": (
        "python -m trader token revoke guide",
        "python -m trader performance --json",
        "python -m trader trades --csv",
    ),
    "runbook.md": (
        "python -m trader ack all",
        "python -m trader journal backup FILE",
        "python -m trader journal export FILE",
        "python -m trader flatten --yes",
    ),
    "recordings.md": ("python -m trader venue --market recording FILE_OR_FOLDER",),
    "venue.md": ("python -m trader venue --set bare_cancel_all=nothing --set liquidates=false",),
}
