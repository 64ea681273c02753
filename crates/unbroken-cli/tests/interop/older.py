"""Older releases of the reference (1.3.2, 2.2.0) as a servant: requests and answers as in reference.py.

Keys come as the PEM files of today; each release gets them in the objects that it works with.
"""

import json
import os
import sys

import in_toto
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from in_toto.models.layout import Layout, Step
from in_toto.models.metadata import Metablock
from in_toto.runlib import in_toto_run
from in_toto.verifylib import in_toto_verify


def read(path):
    with open(path, "rb") as file:
        return file.read()


if in_toto.__version__.startswith("1."):
    import securesystemslib.keys as keys

    ECDSA = {
        "secp256r1": "ecdsa-sha2-nistp256",
        "secp384r1": "ecdsa-sha2-nistp384",
        "secp521r1": "ecdsa-sha2-nistp521",
    }

    def ed25519_object(public, private=""):
        value = {"public": public.public_bytes_raw().hex(), "private": private}
        key, _ = keys.format_metadata_to_key(
            {"keytype": "ed25519", "scheme": "ed25519", "keyval": value}
        )
        return key

    def signing_key(path):
        """Returns what the importers of 1.x make of a key, which they know in older files."""
        key = serialization.load_pem_private_key(read(path), None)
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return ed25519_object(key.public_key(), key.private_bytes_raw().hex())
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode()
        if isinstance(key, rsa.RSAPrivateKey):
            return keys.import_rsakey_from_private_pem(pem)
        return keys.import_ecdsakey_from_private_pem(pem, ECDSA[key.curve.name])

    def public_key(path):
        pem = read(path).decode()
        key = serialization.load_pem_public_key(pem.encode())
        if isinstance(key, ed25519.Ed25519PublicKey):
            return ed25519_object(key)
        if isinstance(key, rsa.RSAPublicKey):
            return keys.import_rsakey_from_public_pem(pem)
        return keys.import_ecdsakey_from_public_pem(pem, ECDSA[key.curve.name])

    def load(path):
        return Metablock.load(path)

    def sign(layout, request):
        if request["dsse"]:
            raise NotImplementedError("1.3.2 has no DSSE")
        metadata = Metablock(signed=layout)
        for path in request["signers"]:
            metadata.sign(signing_key(path))
        metadata.dump(request["out"])

    def recording(request):
        if request["dsse"]:
            raise NotImplementedError("1.3.2 has no DSSE")
        return {"signing_key": signing_key(request["private"])}

else:
    from in_toto.models._signer import (
        load_crypto_signer_from_pkcs8_file,
        load_public_key_from_file,
    )
    from in_toto.models.metadata import Envelope, Metadata

    public_key = load_public_key_from_file
    load = Metadata.load

    def sign(layout, request):
        metadata = (
            Envelope.from_signable(layout) if request["dsse"] else Metablock(signed=layout)
        )
        for path in request["signers"]:
            metadata.create_signature(load_crypto_signer_from_pkcs8_file(path))
        metadata.dump(request["out"])

    def recording(request):
        signer = load_crypto_signer_from_pkcs8_file(request["private"])
        return {"signer": signer, "use_dsse": request["dsse"]}


def make_layout(request):
    """Makes a layout by the calls that an author of layouts uses, and signs it."""
    plan = request["plan"]
    layout = Layout(expires=plan["expires"], readme=plan["readme"])
    for step_plan in plan["steps"]:
        step = Step(name=step_plan["name"], threshold=step_plan["threshold"])
        for path in step_plan["keys"]:
            key = layout.add_functionary_key(public_key(path))
            step.pubkeys.append(key["keyid"])
        for rule in step_plan["materials"]:
            step.add_material_rule_from_string(rule)
        for rule in step_plan["products"]:
            step.add_product_rule_from_string(rule)
        layout.steps.append(step)
    layout.validate()
    sign(layout, request)
    return {}


def run(request):
    """Runs a step in the folder of the product and writes its link."""
    home = os.getcwd()
    try:
        os.chdir(request["product"])
        in_toto_run(
            request["step"],
            request["materials"],
            request["products"],
            request["command"],
            metadata_directory=request["folder"],
            **recording(request),
        )
    finally:
        os.chdir(home)
    return {}


def judge(request):
    """Verifies a chain with the library, in the folder of its product."""
    home = os.getcwd()
    try:
        os.chdir(request["product"])
        owners = [public_key(path) for path in request["keys"]]
        in_toto_verify(
            load(request["layout"]),
            {key["keyid"]: key for key in owners},
            link_dir_path=request["links"],
        )
    except Exception as error:  # whatever ends a verification is no acceptance
        return {"accepted": False, "error": type(error).__name__, "message": str(error)}
    finally:
        os.chdir(home)
    return {"accepted": True, "error": "", "message": ""}


OPERATIONS = {"layout": make_layout, "run": run, "judge": judge}

for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = OPERATIONS[question["do"]](question)
    except Exception as error:  # a release cannot do everything
        answer = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
