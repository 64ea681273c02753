"""Makes the layout of the tutorial and signs it, with python in-toto 1.x."""

from in_toto.models.layout import Inspection, Layout, Step
from in_toto.models.metadata import Metablock
from securesystemslib.interface import (
    import_ed25519_privatekey_from_file,
    import_ed25519_publickey_from_file,
)

owner = import_ed25519_privatekey_from_file("keys/owner")
builder = import_ed25519_publickey_from_file("keys/builder.pub")
scanner = import_ed25519_publickey_from_file("keys/scanner.pub")

checkout = Step(name="checkout")
checkout.pubkeys = [builder["keyid"]]
checkout.add_product_rule_from_string("CREATE Dockerfile")
checkout.add_product_rule_from_string("CREATE requirements.txt")
checkout.add_product_rule_from_string("CREATE src/*")
checkout.add_product_rule_from_string("DISALLOW *")

build = Step(name="build")
build.pubkeys = [builder["keyid"]]
build.add_material_rule_from_string("MATCH Dockerfile WITH PRODUCTS FROM checkout")
# `src/*` is a pattern of the shell: at the checkout it still matched nothing.
build.add_material_rule_from_string("ALLOW src/*")
build.add_material_rule_from_string("DISALLOW *")
build.add_product_rule_from_string("CREATE image-digest.txt")
build.add_product_rule_from_string("DISALLOW *")

scan = Step(name="scan")
scan.pubkeys = [scanner["keyid"]]
scan.add_material_rule_from_string("MATCH image-digest.txt WITH PRODUCTS FROM build")
scan.add_material_rule_from_string("DISALLOW *")
scan.add_product_rule_from_string("CREATE vulnerability-report.json")
scan.add_product_rule_from_string("CREATE sbom.json")
scan.add_product_rule_from_string("DISALLOW *")

inspection = Inspection(name="no-critical-vulnerabilities")
inspection.set_run_from_string("bash -c '! grep --quiet CRITICAL vulnerability-report.json'")
for rule in [
    "MATCH Dockerfile WITH PRODUCTS FROM checkout",
    "MATCH requirements.txt WITH PRODUCTS FROM checkout",
    "MATCH src/* WITH MATERIALS FROM build",
    "MATCH image-digest.txt WITH PRODUCTS FROM build",
    "MATCH vulnerability-report.json WITH PRODUCTS FROM scan",
    "MATCH sbom.json WITH PRODUCTS FROM scan",
    "ALLOW keys/*",
    "ALLOW root.layout",
    "DISALLOW *",
]:
    inspection.add_material_rule_from_string(rule)

layout = Layout()
layout.set_relative_expiration(months=6)
layout.keys = {builder["keyid"]: builder, scanner["keyid"]: scanner}
layout.steps = [checkout, build, scan]
layout.inspect = [inspection]

signed = Metablock(signed=layout)
signed.sign(owner)
signed.dump("root.layout")
