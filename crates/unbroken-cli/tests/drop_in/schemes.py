"""Makes a layout with one step for every type and scheme of keys that the library knows, and the links:
schemes.py OWNER, in the folder of it all. Prints the names of the steps."""

import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from in_toto.models.layout import Layout, Step
from in_toto.models.link import Link
from in_toto.models.metadata import Envelope, Metablock
from securesystemslib.signer import KEY_FOR_TYPE_AND_SCHEME, CryptoSigner, SSlibKey

MAKE = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ecdsa-sha2-nistp256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-sha2-nistp384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-sha2-nistp521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ml-dsa-44/1": mldsa.MLDSA44PrivateKey.generate,
    "ml-dsa-65/1": mldsa.MLDSA65PrivateKey.generate,
    "ml-dsa-87/1": mldsa.MLDSA87PrivateKey.generate,
}

def main():
    with open(sys.argv[1], "rb") as file:
        owner = CryptoSigner(serialization.load_pem_private_key(file.read(), None))
    layout = Layout(expires="2100-01-01T00:00:00Z", steps=[], keys={})
    names = []
    for (kind, scheme), implementation in KEY_FOR_TYPE_AND_SCHEME.items():
        if implementation is not SSlibKey:
            continue
        private = MAKE.get(scheme, lambda: rsa.generate_private_key(65537, 2048))()
        signer = CryptoSigner(private, SSlibKey.from_crypto(private.public_key(), scheme=scheme))
        key = {**signer.public_key.to_dict(), "keyid": signer.public_key.keyid, "keytype": kind}
        for envelope in ("metablock", "dsse"):
            name = f"{kind}-{scheme}-{envelope}".replace("/", "-")
            names.append(name)
            layout.keys[key["keyid"]] = key
            layout.steps.append(Step(name=name, pubkeys=[key["keyid"]]))
            link = Link(name=name)
            signed = Metablock(signed=link) if envelope == "metablock" else Envelope.from_signable(link)
            signed.create_signature(signer)
            signed.dump(f"{name}.{key['keyid']:.8}.link")
    signed = Metablock(signed=layout)
    signed.create_signature(owner)
    signed.dump("root.layout")
    print("\n".join(names))

main()
