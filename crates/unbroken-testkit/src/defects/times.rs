//! The end of a layout, and the ways to write a time.

use super::Defect;

pub(super) fn all() -> Vec<Defect> {
    let expires = |name, title, reference, text: &str| {
        Defect::of(name, title, reference, |chain| chain.layout.set("expires", text.to_owned()))
    };
    let malformed = |name, title, json: &str| {
        let reference = "specification 1.0, 4.2.2: a time has one form";
        Defect::of(name, title, reference, |chain| chain.layout.set_json("expires", json))
            .rejected(&["layout-malformed"])
    };
    vec![
        Defect::of("pipeline", "nothing is wrong", "control", |_| {}),
        expires(
            "expired-by-one-second",
            "the layout ended one second ago",
            "specification 1.0, 4.3",
            "2026-06-01T11:59:59Z",
        )
        .rejected(&["layout-expired"]),
        expires(
            "expires-exactly-now",
            "the layout ends in this very second",
            "implementations differ: some let the second of the end pass",
            "2026-06-01T12:00:00Z",
        )
        .rejected(&["layout-expired"]),
        expires(
            "expires-in-one-second",
            "the layout ends in one second",
            "control",
            "2026-06-01T12:00:01Z",
        ),
        expires(
            "expires-with-offset",
            "the end is given with an offset instead of Z",
            "specification 1.0, 4.2.2",
            "2030-01-01T00:00:00+00:00",
        )
        .rejected(&["layout-malformed"]),
        expires(
            "expires-on-no-day",
            "the end is on the 30th of February",
            "a form check alone lets it pass",
            "2030-02-30T00:00:00Z",
        )
        .rejected(&["layout-malformed"]),
        expires(
            "expires-at-end-of-calendar",
            "the layout ends with the year 9999",
            "control: a library's calendar may end a day earlier",
            "9999-12-31T23:59:59Z",
        ),
        malformed(
            "expires-in-lower-case",
            "the end is written with a small t and z",
            "\"2030-01-01t00:00:00z\"",
        ),
        malformed(
            "expires-with-fraction",
            "the end has a fraction of a second",
            "\"2030-01-01T00:00:00.5Z\"",
        ),
        malformed(
            "expires-at-second-60",
            "the end is in a leap second",
            "\"2030-12-31T23:59:60Z\"",
        ),
        malformed("expires-at-hour-24", "the end is at 24 o'clock", "\"2030-01-01T24:00:00Z\""),
        malformed(
            "expires-in-other-digits",
            "the end is written in Arabic-Indic digits",
            "\"\u{662}\u{660}\u{663}\u{660}-01-01T00:00:00Z\"",
        ),
        malformed("expires-null", "the end is null", "null"),
        malformed("expires-number", "the end is a number of seconds", "1893456000"),
        Defect::of("expires-missing", "the layout has no end", "specification 1.0, 4.3", |chain| {
            chain.layout.remove("expires");
        })
        .rejected(&["layout-malformed"]),
    ]
}
