"""Why a runner is silent, as far as can be told from beside it: from its lease, its process, and the journal itself."""

from datetime import datetime

from trader.domain.errors import JournalError
from trader.domain.expiry import IST
from trader.journal import Journal, Lease
from trader.journal.lease import RELEASED
from trader.runner.process import identity, is_provably_dead

_START_ONE = "start the panel or `python -m trader run`"


def explain_silence(journal: Journal, lease: Lease | None, heard: datetime | None) -> str:
    """One or two sentences. `heard`: when the runner was last heard, None = never.

    Asks the journal whether it can be written, which takes its lock for a moment: only while nobody is heard anyway.
    """
    if lease is None:
        return f"No runner has worked on this account yet; {_START_ONE}."
    last = "" if heard is None else f", last heard {heard.astimezone(IST):%d %b %H:%M:%S} IST"
    if lease.holder == RELEASED:
        return f"The runner was stopped{last}; {_START_ONE}."
    if lease.host == "flatten":
        return f"`python -m trader flatten` has the account{last}; no runner is alive."
    name = f"The runner (pid {lease.pid}, {lease.host}{last})"
    told = lease.process
    if is_provably_dead(told):
        return f"{name} was killed or has crashed: its process is gone. To take up what it left, {_START_ONE}."
    try:
        journal.check_writable()
    except JournalError as error:
        return f"{name} cannot record anything: {error} While that lasts it takes no entry; its exits go on."
    if told and identity(lease.pid) == told:
        return f"{name} is silent although its process is there: it hangs or the machine is overloaded. It is replaced by itself."
    return f"{name} is silent; whether its process lives cannot be seen from here. If it is gone, {_START_ONE}."
