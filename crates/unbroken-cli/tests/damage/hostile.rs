//! Files that are made to exhaust a reader: deep, long, and of numbers that nothing holds.

/// What is nested around `inner`, so many times.
fn nested(open: &str, close: &str, depth: usize, inner: &str) -> String {
    [&open.repeat(depth), inner, &close.repeat(depth)].concat()
}

/// Puts a value in the place of a payload, of both envelopes.
fn in_envelopes(value: &str) -> [String; 2] {
    let payload = data_encoding::BASE64.encode(value.as_bytes());
    [
        format!("{{\"signatures\":[],\"signed\":{value}}}"),
        format!(
            "{{\"payload\":\"{payload}\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[]}}"
        ),
    ]
}

/// The files, each with a name.
pub(crate) fn files() -> Vec<(&'static str, Vec<u8>)> {
    let digits = "9".repeat(1_000_000);
    let many = |one: &str, count: usize| vec![one; count].join(",");
    let numbered: Vec<String> = (0..200_000).map(|nth| format!("\"{nth}\":0")).collect();
    let values = [
        ("arrays without end", nested("[", "]", 200_000, "")),
        ("arrays that nobody closes", "[".repeat(1_000_000)),
        ("objects without end", nested("{\"a\":", "}", 100_000, "0")),
        ("a number of a million digits", digits.clone()),
        ("a number below all numbers", format!("-{digits}")),
        ("a fraction of a million digits", format!("0.{digits}")),
        ("a power beyond all numbers", "1e999999999".to_owned()),
        ("a million zeros", format!("[{}]", many("0", 1_000_000))),
        ("members without end", format!("{{{}}}", numbered.join(","))),
        ("one text of four million escapes", format!("\"{}\"", "\\u0041".repeat(700_000))),
        ("surrogates without end", format!("\"{}\"", "\\ud83d".repeat(100_000))),
    ];
    let mut files: Vec<(&str, Vec<u8>)> = Vec::new();
    for (name, value) in values {
        files.extend(in_envelopes(&value).map(|text| (name, text.into_bytes())));
        files.push((name, value.into_bytes()));
    }
    let signature = "{\"keyid\":\"a\",\"sig\":\"AA==\"}";
    let signatures = format!(
        "{{\"payload\":\"e30=\",\"payloadType\":\"x\",\"signatures\":[{}]}}",
        many(signature, 100_000)
    );
    files.push(("signatures without end", signatures.into_bytes()));
    let pem = |label: &str, der: &[u8]| {
        let body = data_encoding::BASE64.encode(der);
        let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
            .into_bytes()
    };
    // Each of the sequences says that all that follows is inside.
    let sequences: Vec<u8> = (0..50_000_u32)
        .rev()
        .flat_map(|nth| [&[0x30, 0x84][..], &(nth * 6).to_be_bytes()].concat())
        .collect();
    for label in ["PUBLIC KEY", "PRIVATE KEY", "RSA PUBLIC KEY", "CERTIFICATE"] {
        files.push(("sequences in sequences", pem(label, &sequences)));
        files.push(("a length beyond the end", pem(label, &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff])));
        files.push((
            "a length of a hundred bytes",
            pem(label, &[&[0x30, 0xe4][..], &[0xff; 100]].concat()),
        ));
    }
    let number = [&[0x02, 0x83, 0x10, 0, 0][..], &vec![0xff; 0x10_0000]].concat();
    let two = [number.clone(), number].concat();
    let size = u32::try_from(two.len()).unwrap().to_be_bytes();
    files.push((
        "an RSA key of eight million bits",
        pem("RSA PUBLIC KEY", &[&[0x30, 0x84][..], &size, &two].concat()),
    ));
    // An old-format packet of OpenPGP that says it has four gigabytes.
    files.push(("a packet beyond the end", vec![0x9a, 0xff, 0xff, 0xff, 0xff, 4]));
    files.push(("marker packets without end", [0xca, 3, b'P', b'G', b'P'].repeat(400_000)));
    files.push(("nothing", Vec::new()));
    files.push(("zeros", vec![0; 20 << 20]));
    files
}
