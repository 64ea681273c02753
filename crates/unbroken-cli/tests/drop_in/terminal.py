"""Runs a program on a terminal of its own and answers what it asks: terminal.py ANSWERS PROGRAM ARGS"""

import os
import pty
import sys
import termios
import time


def main():
    answers, program = sys.argv[1].split(","), sys.argv[2:]
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(program[0], program)
    said = b""
    for answer in answers:
        # A question was asked, and what is typed is no longer shown.
        asked = b""
        while not asked.endswith(b": "):
            asked += os.read(terminal, 4096)
        deadline = time.monotonic() + 60
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            if time.monotonic() > deadline:
                sys.exit("what is typed is shown")
            time.sleep(0.01)
        said += asked
        os.write(terminal, answer.encode() + b"\n")
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
    sys.stdout.write(said.decode().replace("\r\n", "\n"))
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


main()
