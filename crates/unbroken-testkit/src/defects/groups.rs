//! Keys that are one functionary: he vouches by all of them, and has one vote.

use super::Defect;
use crate::chain::Chain;
use crate::draft::Draft;
use crate::keys;

const ALONE: &str = "whoever forges one of two keys that are due together forges the link";
const VOTES: &str = "the keys of one functionary would reach the threshold by themselves";
const HALF: [&str; 2] = ["functionary-key-missing", "link-threshold-not-met"];

pub(super) fn all() -> Vec<Defect> {
    [signatures(), layouts()].concat()
}

/// Makes the keys `builder` and `builder-too` one functionary of the build, which `second-builder` may do
/// as well.
fn group(chain: &mut Chain) {
    chain.authorise(1, "builder-too");
    chain.authorise(1, "second-builder");
    say(chain, &["builder", "builder-too"]);
}

fn say(chain: &mut Chain, names: &[&str]) {
    let ids: Vec<String> = names.iter().map(|name| keys::id(name)).collect();
    chain.layout.set("readme", format!("unbroken: all-of {}", ids.join(" ")));
}

/// Takes the link of the build, signed by nobody.
fn link(chain: &mut Chain) -> Draft {
    let mut link = chain.take(&keys::stem("build", "builder"));
    link.unsign();
    link
}

/// Hands in a link of the build of each of these, all alike.
fn by_each(chain: &mut Chain, names: &[&str]) {
    let link = link(chain);
    for name in names {
        chain.put(keys::stem("build", name), link.clone().signed_by(name));
    }
}

/// Hands in one link of the build that all of these signed.
fn by_all(chain: &mut Chain, names: &[&str]) {
    let link = link(chain);
    let link = names.iter().fold(link, |link, name| link.signed_by(name));
    chain.put(keys::stem("build", "builder"), link);
}

fn with(
    name: &'static str,
    title: &str,
    reference: &str,
    change: impl FnOnce(&mut Chain),
) -> Defect {
    Defect::of(name, title, reference, |chain| {
        group(chain);
        change(chain);
    })
}

fn signatures() -> Vec<Defect> {
    let two = |chain: &mut Chain| chain.layout.set("steps/1/threshold", 2_i64);
    vec![
        with(
            "all-of-on-one-link",
            "both keys of the functionary signed one link",
            "control: a classical and a post-quantum key together",
            |chain| by_all(chain, &["builder", "builder-too"]),
        ),
        with(
            "all-of-on-two-links",
            "each key of the functionary signed a link, and they agree",
            "control: a classical and a post-quantum key together",
            |chain| by_each(chain, &["builder", "builder-too"]),
        ),
        with("all-of-half", "one key of the functionary signed", ALONE, |_| {}).rejected(&HALF),
        with("all-of-other-half", "the other key of the functionary signed", ALONE, |chain| {
            by_each(chain, &["builder-too"]);
        })
        .rejected(&HALF),
        with(
            "all-of-half-beside-other-functionary",
            "one key of the functionary signed, and another functionary suffices",
            "one bad file of one functionary would block everybody",
            |chain| by_each(chain, &["builder", "second-builder"]),
        )
        .warned(&["functionary-key-missing"]),
        with(
            "all-of-half-with-other-functionary",
            "one key of the functionary and another functionary signed one link",
            "one bad file of one functionary would block everybody",
            |chain| by_all(chain, &["builder", "second-builder"]),
        )
        .warned(&["functionary-key-missing"]),
        with(
            "all-of-half-is-no-second-vote",
            "two functionaries are due: one signed with one of his two keys",
            ALONE,
            |chain| {
                two(chain);
                by_each(chain, &["builder", "second-builder"]);
            },
        )
        .rejected(&HALF),
        with(
            "all-of-has-one-vote",
            "two functionaries are due: one signed two links with his two keys",
            VOTES,
            |chain| {
                two(chain);
                by_each(chain, &["builder", "builder-too"]);
            },
        )
        .rejected(&["link-threshold-not-met"]),
        with(
            "all-of-and-other-functionary",
            "two functionaries are due, and one of them signed with his two keys",
            "control: a group is a functionary like any other",
            |chain| {
                two(chain);
                by_each(chain, &["builder", "builder-too", "second-builder"]);
            },
        ),
        with(
            "all-of-disagrees",
            "the two keys of the functionary signed links that differ",
            ALONE,
            |chain| {
                by_each(chain, &["builder", "builder-too"]);
                let mut other = chain.take(&keys::stem("build", "builder-too"));
                other.set("products/image.tar/sha256", "9d".repeat(32));
                chain.put(keys::stem("build", "builder-too"), other);
            },
        )
        .rejected(&["links-disagree"]),
    ]
}

fn layouts() -> Vec<Defect> {
    vec![
        Defect::of(
            "all-of-unknown-key",
            "a group names a key that the layout does not have",
            "a key that is asked for would be passed over",
            |chain| {
                let id = keys::id("developer");
                chain.layout.set("readme", format!("unbroken: all-of {id} 0011223344556677"));
            },
        )
        .rejected(&["key-id-invalid", "layout-malformed"]),
        Defect::of(
            "all-of-one",
            "a group has one key",
            "a key that is asked for would be passed over",
            |chain| say(chain, &["builder"]),
        )
        .rejected(&["layout-malformed"]),
        with("all-of-key-in-two-groups", "a key stands in two groups", VOTES, |chain| {
            let [one, other, more] = ["builder", "builder-too", "second-builder"].map(keys::id);
            let lines = format!("unbroken: all-of {one} {other}\nunbroken: all-of {one} {more}");
            chain.layout.set("readme", lines);
        })
        .rejected(&["layout-malformed"]),
        Defect::of(
            "all-of-part-named",
            "a step names one key of a group and not the other",
            "a key that is asked for would be passed over",
            |chain| {
                chain.list_key("builder-too");
                say(chain, &["builder", "builder-too"]);
            },
        )
        .rejected(&[
            "functionary-key-missing",
            "layout-malformed",
            "link-threshold-not-met",
        ]),
        Defect::of(
            "all-of-threshold-above",
            "the threshold is the number of keys, and they are one functionary",
            "the step could never be done",
            |chain| {
                chain.authorise(1, "builder-too");
                say(chain, &["builder", "builder-too"]);
                chain.layout.set("steps/1/threshold", 2_i64);
                by_each(chain, &["builder", "builder-too"]);
            },
        )
        .rejected(&["link-threshold-not-met", "threshold-above-keys"]),
    ]
}
