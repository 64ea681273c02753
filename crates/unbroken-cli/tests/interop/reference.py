"""The reference implementation as a servant: one JSON request a line in, one JSON answer a line out.

Everything is done by in_toto and securesystemslib; nothing of the formats is written here.
"""

import json
import os
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from in_toto.models.layout import Inspection, Layout, Step
from in_toto.models.link import Link
from in_toto.models.metadata import Envelope, Metablock, Metadata
from in_toto.runlib import in_toto_run
from in_toto.verifylib import in_toto_verify
from securesystemslib.signer import CryptoSigner, SSlibKey

GENERATE = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa-3072": lambda: rsa.generate_private_key(65537, 3072),
    "ml-dsa-65": mldsa.MLDSA65PrivateKey.generate,
}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def private_key(path, passphrase=None):
    password = passphrase.encode() if passphrase else None
    return serialization.load_pem_private_key(read(path), password)


def public_key(path):
    return SSlibKey.from_crypto(serialization.load_pem_public_key(read(path)))


def generate_key(request):
    """Makes a key pair as cryptography writes it: request["out"] and request["out"].pub."""
    key = GENERATE[request["kind"]]()
    passphrase = request.get("passphrase")
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    container = (
        serialization.PrivateFormat.TraditionalOpenSSL
        if request.get("traditional")
        else serialization.PrivateFormat.PKCS8
    )
    pem = serialization.Encoding.PEM
    write(request["out"], key.private_bytes(pem, container, encryption))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    write(request["out"] + ".pub", key.public_key().public_bytes(pem, spki))
    return {"keyid": SSlibKey.from_crypto(key.public_key()).keyid}


def key_id(request):
    """Computes the id of a private or a public key."""
    if "private" in request:
        key = private_key(request["private"], request.get("passphrase"))
        return {"keyid": SSlibKey.from_crypto(key.public_key()).keyid}
    return {"keyid": public_key(request["public"]).keyid}


def dump(payload, request):
    """Signs a payload with every signer and writes it."""
    metadata = (
        Envelope.from_signable(payload) if request["dsse"] else Metablock(signed=payload)
    )
    for path in request["signers"]:
        metadata.create_signature(CryptoSigner(private_key(path)))
    metadata.dump(request["out"])
    return {}


def add_rules(item, plan):
    for rule in plan["materials"]:
        item.add_material_rule_from_string(rule)
    for rule in plan["products"]:
        item.add_product_rule_from_string(rule)


def make_layout(request):
    """Makes a layout by the calls that an author of layouts uses, and signs it."""
    plan = request["plan"]
    layout = Layout(expires=plan["expires"], readme=plan["readme"])
    for step_plan in plan["steps"]:
        step = Step(name=step_plan["name"], threshold=step_plan["threshold"])
        for path in step_plan["keys"]:
            key = layout.add_functionary_key_from_path(path)
            step.pubkeys.append(key["keyid"])
        step.expected_command = step_plan["command"]
        add_rules(step, step_plan)
        layout.steps.append(step)
    for inspection_plan in plan["inspections"]:
        inspection = Inspection(name=inspection_plan["name"])
        inspection.run = inspection_plan["run"]
        add_rules(inspection, inspection_plan)
        layout.inspect.append(inspection)
    layout.validate()
    return dump(layout, request)


def sign_payload(request):
    """Reads a bare layout or link, and signs it."""
    data = json.loads(read(request["payload"]))
    kind = Layout if data["_type"] == "layout" else Link
    return dump(kind.read(data), request)


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
            signer=CryptoSigner(private_key(request["private"])),
            metadata_directory=request["folder"],
            use_dsse=request["dsse"],
        )
    finally:
        os.chdir(home)
    return {}


def judge(request):
    """Verifies a chain with the library, in the folder of its product."""
    home = os.getcwd()
    try:
        os.chdir(request["product"])
        keys = [public_key(path) for path in request["keys"]]
        in_toto_verify(
            Metadata.load(request["layout"]),
            {key.keyid: {"keyid": key.keyid, **key.to_dict()} for key in keys},
            link_dir_path=request["links"],
            substitution_parameters=request.get("parameters"),
            persist_inspection_links=False,
        )
    except Exception as error:  # whatever ends a verification is no acceptance
        return {"accepted": False, "error": type(error).__name__, "message": str(error)}
    finally:
        os.chdir(home)
    return {"accepted": True, "error": "", "message": ""}


OPERATIONS = {
    "generate-key": generate_key,
    "key-id": key_id,
    "layout": make_layout,
    "sign": sign_payload,
    "run": run,
    "judge": judge,
}

for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps(OPERATIONS[question["do"]](question)), flush=True)
