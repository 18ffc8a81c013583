"""The command line, one of the faces: it asks `trader.desk` and prints, or hosts a process. No trading logic lives here.

Every answer of a command with `--json` is exactly one JSON document on stdout. Errors are one sentence on stderr with
exit code 1 (2 when the command line itself was wrong); stdout then stays empty unless the command has a document that
says what is the case, as `stop` has when the exchange did not confirm flat in time.
"""
