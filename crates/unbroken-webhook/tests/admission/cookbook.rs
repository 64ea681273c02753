//! What docs/admission.md shows of policies is what the program reads.

use crate::world::{POLICY, World, settings};

const PAGE: &str = include_str!("../../../../docs/admission.md");

/// Returns the part of the page below a heading.
fn section(heading: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("\n{heading}\n")).unwrap();
    rest.split("\n#").next().unwrap()
}

fn world() -> World {
    let world = World::new();
    let owner = unbroken_testkit::keys::key("owner").public().spki_pem();
    world.keep("inspector.pub", owner.as_bytes());
    world
}

#[test]
fn the_policies_that_are_shown_can_be_used() {
    let (_, block) = section("## Policies").split_once("```yaml\n").unwrap();
    let block = block.split("```").next().unwrap();
    let set = world().policies(block);
    assert_eq!(set.policies.len(), 1);
    assert!(set.policies[0].chain.is_ok(), "{:?}", set.policies[0].chain);
    assert_eq!((set.settings.exemptions.len(), set.settings.break_glass.len()), (1, 1));
}

#[test]
fn every_fragment_of_the_cookbook_can_be_used() {
    let world = world();
    let mut seen = 0;
    for fragment in section("### Cookbook").split('`').skip(1).step_by(2) {
        let Some((member, _)) = fragment.split_once(": ") else { continue };
        let others = POLICY.lines().filter(|line| !line.starts_with(&format!("  {member}:")));
        let of_policy = format!("{}\n  {fragment}\n", others.collect::<Vec<_>>().join("\n"));
        let is_policy = world.policies(&of_policy).policies[0].chain.is_ok();
        let is_setting = world.read_policies(&(settings(fragment) + POLICY)).is_ok();
        assert!(is_policy != is_setting, "{fragment}");
        seen += 1;
    }
    assert!(seen >= 8, "{seen} fragments");
}

/// What `kubectl get -o yaml` writes: a list, of objects with what the cluster said of them.
#[test]
fn policies_of_a_cluster_are_read_from_a_file() {
    let world = World::new();
    let spec = POLICY.split_once("spec:\n").unwrap().1.replace("\n  ", "\n    ");
    let item = |kind: &str, metadata: &str| {
        format!(
            "- apiVersion: in-toto.io/v1alpha1\n  kind: {kind}\n  metadata: {{{metadata}, generation: 1}}\n  \
             spec:\n    {}\n  status: {{observedGeneration: 1, conditions: []}}\n",
            spec.trim()
        )
    };
    let head = "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}\nitems:\n";
    let of_one = item("SupplyChainPolicy", "name: acme, namespace: prod");
    let text = format!("{head}{}{of_one}", item("ClusterSupplyChainPolicy", "name: acme"));
    let set = world.policies(&text);
    let names: Vec<&str> = set.policies.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["acme", "SupplyChainPolicy/prod/acme"]);
    assert!(set.policies.iter().all(|policy| policy.chain.is_ok()), "{:?}", set.policies);
    for (from, to) in [
        (", namespace: prod", ""),
        ("namespace: prod", "namespace: 'pro*'"),
        ("namespace: prod", "namespace: ''"),
        ("kind: SupplyChainPolicy", "kind: List"),
        ("status:", "states:"),
    ] {
        assert!(world.read_policies(&text.replace(from, to)).is_err(), "{from} {to}");
    }
    assert!(world.read_policies(&(text + &of_one)).is_err(), "two of one name");
}
