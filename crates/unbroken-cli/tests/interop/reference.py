"""The reference implementation as a servant: one JSON request a line in, one JSON answer a line out.

Everything is done by in_toto and securesystemslib, of the releases 3.1.0, 2.2.0 and 1.3.2; nothing of the formats is
written here. Keys come as the PEM files of today; each release gets them in the objects that it works with.
"""

import json
import os
import sys

import in_toto
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from in_toto.models.layout import Inspection, Layout, Step
from in_toto.models.link import Link
from in_toto.models.metadata import Metablock
from in_toto.runlib import in_toto_run
from in_toto.verifylib import in_toto_verify


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def private_key(path, passphrase=None):
    password = passphrase.encode() if passphrase else None
    return serialization.load_pem_private_key(read(path), password)


if in_toto.__version__.startswith("1."):
    import securesystemslib.keys as keys

    ECDSA = {
        "secp256r1": "ecdsa-sha2-nistp256",
        "secp384r1": "ecdsa-sha2-nistp384",
        "secp521r1": "ecdsa-sha2-nistp521",
    }
    load = Metablock.load

    def ed25519_object(public, private=""):
        value = {"public": public.public_bytes_raw().hex(), "private": private}
        key, _ = keys.format_metadata_to_key(
            {"keytype": "ed25519", "scheme": "ed25519", "keyval": value}
        )
        return key

    def signing_key(path):
        """Returns what the importers of 1.x make of a key, which they know in older files."""
        key = private_key(path)
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

    def envelope(payload, dsse):
        if dsse:
            raise NotImplementedError("1.3.2 has no DSSE")
        return Metablock(signed=payload)

    def add_signature(metadata, path):
        metadata.sign(signing_key(path))

    def recording(request):
        if request["dsse"]:
            raise NotImplementedError("1.3.2 has no DSSE")
        return {"signing_key": signing_key(request["private"])}

else:
    from in_toto.models._signer import load_public_key_from_file as public_key
    from in_toto.models.metadata import Envelope, Metadata
    from securesystemslib.signer import CryptoSigner, SSlibKey

    load = Metadata.load

    def envelope(payload, dsse):
        return Envelope.from_signable(payload) if dsse else Metablock(signed=payload)

    def add_signature(metadata, path):
        metadata.create_signature(CryptoSigner(private_key(path)))

    def recording(request):
        signer = CryptoSigner(private_key(request["private"]))
        return {"signer": signer, "use_dsse": request["dsse"]}


def generate(kind):
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "rsa-3072":
        return rsa.generate_private_key(65537, 3072)
    if kind == "ml-dsa-65":
        # Older releases of cryptography do not have it.
        from cryptography.hazmat.primitives.asymmetric import mldsa

        return mldsa.MLDSA65PrivateKey.generate()
    curves = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}
    return ec.generate_private_key(curves[kind.removeprefix("ecdsa-")]())


def generate_key(request):
    """Makes a key pair as cryptography writes it: request["out"] and request["out"].pub."""
    key = generate(request["kind"])
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
    return {"keyid": public_key(request["public"])["keyid"]}


def dump(payload, request):
    """Signs a payload with every signer and writes it."""
    metadata = envelope(payload, request["dsse"])
    for path in request["signers"]:
        add_signature(metadata, path)
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
            key = layout.add_functionary_key(public_key(path))
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
    try:
        answer = OPERATIONS[question["do"]](question)
    except Exception as error:  # a release cannot do everything
        answer = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
