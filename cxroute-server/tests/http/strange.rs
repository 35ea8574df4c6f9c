//! What nobody should ever send: bodies, and bytes that look like a webhook to a varying degree.

use proptest::prelude::*;

use crate::client::Request;
use crate::places::{CDR, DIAL, KEY, UPDATE, VOICE};

/// Bodies that are no webhook, or hardly one.
pub(crate) fn odd_bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "",
        "null",
        "[]",
        "[[]]",
        "{}",
        "[{},{}]",
        "\"",
        "{",
        "}",
        "{\"",
        "{\"Session\":",
        "0",
        "-",
        "NaN",
        "<Response/>",
        "Session=1&Session=2",
        "&&==&",
        "%",
        "%zz=%f",
        "{\"Session\":{}}",
        "{\"Session\":[1,2]}",
        "{\"Session\":\"\"}",
        "{\"Session\":\"s\",\"To\":{\"a\":1}}",
        "{\"Session\":\"s\",\"To\":\"]]>&lt;<\\u0000\\ud800\"}",
        "{\"Session\":\"s\",\"From\":\"\\u0001\",\"To\":\"+12025559999\"}",
        "{\"SessionData\":7,\"CallSid\":true}",
        "{\"token\":\"s\",\"status\":\"\",\"callEndTime\":-1}",
        "{\"session\":\"a string\",\"billsec\":\"NaN\"}",
        "{\"session\":null}",
        "\u{feff}{}",
        "{\"Session\":\"s\"}trailing",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    bodies.extend([
        vec![0; 64],
        vec![0xff, 0xfe, 0x00, 0xd8],
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00".to_vec(),
        b"{\"Session\":\"\xff\xfe\",\"To\":\"\xc3\"}".to_vec(),
        [b"[".repeat(20_000), b"]".repeat(20_000)].concat(),
        b"{\"a\":".repeat(20_000),
        format!("{{\"Session\":\"{}\",\"To\":\"+12025559999\"}}", "s".repeat(300)).into_bytes(),
        format!("{{\"Session\":\"s\",\"To\":\"{}\"}}", "9".repeat(100_000)).into_bytes(),
    ]);
    bodies
}

/// Bytes that look like a webhook to a varying degree, and whether they are one as far as HTTP goes.
pub(crate) fn nearly_a_webhook() -> impl Strategy<Value = (bool, Vec<u8>)> {
    let path = prop_oneof![
        4 => prop::sample::select(vec![VOICE, DIAL, UPDATE, CDR]).prop_map(str::to_owned),
        1 => "/[ -~]{0,60}",
    ];
    let header = prop_oneof![
        3 => ("[A-Za-z-]{1,20}", "[ -~]{0,40}").prop_map(|(name, value)| format!("{name}: {value}").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..60),
        2 => ("X-Cx-(Session|Stageid|From|To|Source|Domain)", prop::collection::vec(0x80..=0xff_u8, 0..20))
            .prop_map(|(name, value)| [format!("{name}: ").as_bytes(), &value].concat()),
    ];
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..2_000),
        r#"\{"(Session|To|From|CallSid|token|status|session)":("[ -~]{0,30}"|[0-9]{1,20}|null|\{\}|\[\])[}\],x]?"#
            .prop_map(String::into_bytes),
        "([A-Za-z]{1,10}=[%0-9a-fA-F+]{0,20}&){0,20}".prop_map(String::into_bytes),
    ];
    let method = prop::sample::select(vec!["POST", "POST", "GET", "PUT", "x"]);
    (method, path, prop::collection::vec(header, 0..6), body).prop_map(|(method, path, headers, body)| {
        let is_live = method != "PUT" && method != "x" && [VOICE, DIAL].contains(&path.as_str());
        let mut request = Request::new(method, &path).key(KEY).body(body);
        let is_clean = |line: &Vec<u8>| line.iter().all(|byte| (0x20..0x7f).contains(byte) || *byte >= 0x80);
        let is_named = |line: &Vec<u8>| {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            !name.is_empty()
                && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
        };
        let names = |line: &Vec<u8>| {
            let line = line.to_ascii_lowercase();
            ["x-cx-", "authorization", "content-length", "transfer-", "expect", "host"]
                .iter()
                .any(|name| line.starts_with(name.as_bytes()))
        };
        let is_plain = headers
            .iter()
            .all(|line| is_clean(line) && line.contains(&b':') && !names(line) && is_named(line));
        for line in headers {
            request = request.raw_header(&line);
        }
        (is_live && is_plain, request.bytes())
    })
}
