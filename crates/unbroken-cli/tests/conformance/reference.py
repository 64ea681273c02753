"""The reference implementation behind the contract of tests/vectors/README.md.

Exit code 0: verified. 1: an error of in-toto's own. 3: any other exception. 4: nothing for an argument.
"""

import argparse
import datetime
import os
import sys

import in_toto.verifylib
from cryptography.hazmat.primitives import serialization
from in_toto.models.metadata import Metadata
from securesystemslib.exceptions import Error
from securesystemslib.signer import SSlibKey

parser = argparse.ArgumentParser()
parser.add_argument("--layout", required=True)
parser.add_argument("--trust", nargs="+", default=[])
parser.add_argument("--link-dir", required=True)
parser.add_argument("--product", required=True)
parser.add_argument("--at", required=True)
parser.add_argument("--parameter", action="append", default=[])
parser.add_argument("--enforce-commands", action="store_true")
parser.add_argument("--allow-sublayout-inspections", action="store_true")
parser.add_argument("--no-run-inspections", action="store_true")
parser.add_argument("--inspector", action="append", default=[])
parser.add_argument("--timestamp-authority", action="append", default=[])
parser.add_argument("--min-layout-version")
parser.add_argument("--require-binding", action="store_true")
parser.add_argument("--nonce")
parser.add_argument("--links-not-before")
parser.add_argument("--subject")
parser.add_argument("--pattern-dialect")
arguments = parser.parse_args()
unknown = [arguments.min_layout_version, arguments.require_binding, arguments.pattern_dialect]
unknown += [arguments.no_run_inspections, arguments.inspector, arguments.timestamp_authority]
if arguments.enforce_commands or arguments.subject or any(unknown):
    sys.exit(4)

now = datetime.datetime.fromisoformat(arguments.at.replace("Z", "+00:00"))


class Clock(datetime.datetime):
    """The clock that the vector asks for."""

    @classmethod
    def now(cls, tz=None):
        return now.astimezone(tz)


in_toto.verifylib.datetime.datetime = Clock


def public_key(path):
    with open(path, "rb") as file:
        return SSlibKey.from_crypto(serialization.load_pem_public_key(file.read()))


os.chdir(arguments.product)
try:
    keys = {key.keyid: key for key in map(public_key, arguments.trust)}
    in_toto.verifylib.in_toto_verify(
        Metadata.load(arguments.layout),
        {keyid: {"keyid": keyid, **key.to_dict()} for keyid, key in keys.items()},
        arguments.link_dir,
        dict(pair.split("=", 1) for pair in arguments.parameter) or None,
    )
except Error as error:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(1)
except BaseException as error:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(3)
