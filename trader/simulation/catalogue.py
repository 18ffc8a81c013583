"""The faults that can be drawn, by the ids of docs/reliability.md, each with its rate where a session has it at all.

A rate is the chance per opportunity: per request (N, X), per list (N16), per stream message (N9, N14), per market message (Q), per point
of the program (K), per commit (F1), per second (windows: N10, N11, N13, V1, X7, W4). "Q2.spot" is a variant of Q2 with opportunities of its own.
"""

RATES: dict[str, float] = {
    "N1": 0.05,
    "N2": 0.06,
    "N3": 0.06,
    "N4": 0.06,
    "N5": 0.03,
    "N6": 0.01,
    "N7": 0.04,
    "N8": 0.05,
    "N9": 0.12,
    "N10": 0.01,
    "N12": 0.05,
    "N13": 0.015,
    "N14": 0.15,
    "N15": 0.004,
    "X1": 0.10,
    "X2": 0.05,
    "X3": 0.08,
    "X4": 0.03,
    "K1": 0.006,
    "K2": 0.004,
    "K3": 0.15,
    "F1": 0.02,
    "V1": 0.004,
    "Q1": 0.03,
    "Q2": 0.05,
    "Q3": 0.04,
    "Q4": 0.15,
    "N11": 0.02,
    "X7": 0.015,
    "X10": 0.20,
    "F2": 0.30,
    "F4": 0.015,
    "W1": 0.05,
    "W4": 0.03,
    "Q2.spot": 0.02,
    "Q2.more": 0.03,
    "N16": 0.10,
    "N17": 0.6,
}
FIRST_DRAWN = 28  # how many of these are drawn before everything else of a plan
LAST_DRAWN = ("N16", "N17")  # and which after it, apart: the plans of known seeds stay what they were

WORDS: dict[str, str] = {
    "N1": "request lost on the way in",
    "N2": "request done, reply lost",
    "N3": "request done seconds after we gave up",
    "N4": "5xx, with and without effect",
    "N5": "429",
    "N6": "key or address refused for a while",
    "N7": "unreadable answer",
    "N8": "a page of a list fails midway",
    "N9": "stream message dropped (gap), doubled or reordered",
    "N10": "stream silent with the connection up",
    "N11": "private stream refused: login, subscription, or a channel that never answers",
    "N12": "connection failure before anything was sent",
    "N13": "stream down and up again",
    "N14": "stream up to 3 s behind REST",
    "N15": "our clock runs 1 to 10 s off",
    "N16": "a row of a list of the account makes no sense",
    "N17": "the wallet's ledger is behind the fills, or has a line of an unknown kind",
    "X1": "fill between read and cancel, partial fill, fill after the cancel was asked",
    "X2": "documented refusal",
    "X3": "the exchange cancels an order itself",
    "X4": "contract halted",
    "X5": "settlement while open or exiting",
    "X6": "the exchange closes part of a leg",
    "X7": "maintenance: closed, cancel-only, or streams down with REST up",
    "X9": "reduce-only refused just after the opening fill",
    "X10": "a request arrives twice, or its reply is lost; four behaviours on a repeated client order id",
    "X11": "positions lag fills",
    "X14": "the exchange takes money for a contract, and no fill tells of it; money is paid in or out",
    "K1": "killed at a commit, a send or a receive",
    "K2": "paused, lease lost, continued (zombie); long outage of the host",
    "K3": "killed again while recovering",
    "F1": "journal cannot be written, for one commit or for a while",
    "F2": "an older copy of the journal, without its newest rows",
    "F4": "a commit that happened and was answered with an error",
    "V1": "wall clock steps",
    "W1": "a worker dies or hangs; a stream callback raises",
    "W4": "a second runner on the journal; another installation on the account",
    "Q1": "stale or frozen quotes",
    "Q2": "crossed, empty, absurd or one-print quotes",
    "Q3": "one leg priced, the other not",
    "Q4": "one-sided, doubled, foreign or empty chain",
    "H1": "configuration drawn; invalid ones offered",
    "H4": "a person trades the same contracts",
    "H5": "Stop and Start repeated and mixed",
    "H8": "a person changes the account's margin mode",
    "H7": "somebody holds or orders other contracts of the underlying; confirmed, or not",
}

PHASES = ("waiting", "entering", "one leg", "slices", "holding", "exiting", "recovering")
COMMANDS = (
    "start",
    "stop",
    "pause",
    "reduce",
    "kill",
    "resume",
    "ack",
    "limits",
)  # pressed by a campaign in each of these phases
_WITH_ORDERS = ("entering", "one leg", "slices", "exiting", "recovering")

# Where a fault can strike at all, for those that cannot everywhere: the cells of the campaign's table that must not be empty.
REACH: dict[str, tuple[str, ...]] = dict.fromkeys(("N2", "N3", "N9", "N14", "X1", "X2", "X3", "X10"), _WITH_ORDERS) | {
    "F2": ("recovering",),  # a journal is put back while nobody runs
    "K3": ("waiting", "recovering"),
    "Q4": ("waiting", "recovering"),  # elsewhere strikes stand, and a chain only serves its quotes
    "N17": ("waiting",),  # the ledger is read when a run is done
    "X14": ("one leg", "holding", "exiting"),
    "H8": ("holding",),
    "X4": ("entering", "one leg", "slices", "exiting"),
    "X5": ("exiting", "recovering"),  # the exit comes before the expiry unless something is in its way
    "X6": ("one leg", "slices", "holding", "exiting"),
    "X9": ("one leg", "slices", "exiting", "recovering"),
    "X11": ("entering", "one leg", "slices", "holding", "exiting", "recovering"),
}

# Ids that strike elsewhere: by the named test. A virtual machine has no configuration files, no keys and no browser.
ELSEWHERE: dict[str, str] = {
    "F3": "tests/config/test_snapshot.py::test_snapshot_that_is_wrong_is_refused_by_file_and_field",
    "H2": "tests/cli/test_wrong_exchange.py::test_a_wrong_key_or_address_ends_the_runner_with_one_sentence",
    "H3": "tests/config/test_settings.py::test_only_the_chosen_environments_keys_are_taken_up",
    "W2": "tests/simulation/test_named_faults.py::test_w2_twenty_tabs_that_start_and_stop_make_one_run_and_it_ends_flat",
    "W3": "tests/runner/test_one_host.py::test_modules_imported_again_find_the_account_held",
}

# Of later priority, and simulated nowhere yet.
LATER: dict[str, str] = {
    "X8": "protective stop at the exchange",
    "X12": "product terms change within a run",
    "X13": "dead man's switch",
    "W5": "upgrade with an open position",
    "H6": "keys rotated within a run",
}
