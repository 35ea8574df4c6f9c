//! CDRs (FACTS §5, §7.8; domain rules §5).

use super::body;
use crate::cloudonix::{Cdr, Disposition, OddityKind};
use crate::time::Timestamp;

const FULL: &str = r#"{"timestamp":1703123456,"session":{"token":"t1","id":7,"callStartTime":1703123400000,
    "callEndTime":1703123460000,"callAnswerTime":1703123410000,"status":"completed"},"from":"+1415","to":"+1416",
    "disposition":"ANSWERED","duration":60,"billsec":58,"call_id":"abc@def","domain":"acme.example","subscriber":"u@x",
    "cx_trunk_id":12345,"rated_cost":0.012,"rx_mos":"NaN","recording_url":"https://x/r.mp3","owner":{"domain":{"uuid":"u"}}}"#;

#[test]
fn a_cdr_is_read_completely() {
    let cdr = Cdr::read(&body(FULL));
    assert_eq!((cdr.token.as_deref(), cdr.call_id.as_deref()), (Some("t1"), Some("abc@def")));
    assert_eq!((cdr.disposition, cdr.disposition_word.as_deref()), (Disposition::Answered, Some("ANSWERED")));
    assert_eq!((cdr.duration, cdr.billsec), (Some(60), Some(58)));
    assert_eq!(cdr.timestamp, Some(Timestamp::from_millis(1_703_123_456_000)));
    assert_eq!(cdr.start(), Some(Timestamp::from_millis(1_703_123_400_000)));
    assert_eq!(cdr.answered_at, Some(Timestamp::from_millis(1_703_123_410_000)));
    assert_eq!(cdr.end(), Some(Timestamp::from_millis(1_703_123_460_000)));
    assert_eq!((cdr.from.as_deref(), cdr.to.as_deref()), (Some("+1415"), Some("+1416")));
    assert_eq!(
        (cdr.domain.as_deref(), cdr.recording_url.as_deref()),
        (Some("acme.example"), Some("https://x/r.mp3"))
    );
    assert_eq!(cdr.fields().value("rated_cost").and_then(|cost| cost.text()).as_deref(), Some("0.012"));
    assert!(cdr.oddities().is_empty(), "{:?}", cdr.oddities());
}

#[test]
fn the_session_can_be_an_object_a_text_null_or_missing() {
    for (fields, expect) in [
        (r#""session":{"token":"t"}"#, Some("t")),
        (r#""session":"t""#, Some("t")),
        (r#""session":"{\"token\":\"t\"}""#, Some("t")),
        (r#""session":null,"session_token":"t""#, Some("t")),
        (r#""session":{},"token":"t""#, Some("t")),
        (r#""session":[1],"Session":"t""#, Some("t")),
        (r#""CallSid":"t""#, Some("t")),
        (r#""session":null"#, None),
        (r#""call_id":"not-the-token""#, None),
    ] {
        let text = format!(r#"{{"disposition":"BUSY",{fields}}}"#);
        let cdr = Cdr::read(&body(&text));
        assert_eq!(cdr.token.as_deref(), expect, "{fields}");
        assert_eq!(cdr.oddities().contains(OddityKind::Missing), expect.is_none(), "{fields}");
    }
}

#[test]
fn every_disposition_has_its_meaning() {
    for (words, expect) in [
        (&["ANSWER", "ANSWERED", "CONNECTED", "answered", " Answer "][..], Disposition::Answered),
        (&["BUSY", "busy"], Disposition::Busy),
        (&["NOANSWER", "NO ANSWER", "no-answer", "CANCEL", "CANCELLED", "Canceled"], Disposition::NoAnswer),
        (&["CONGESTION", "FAILED", "ERROR", "NOCREDIT", "EXTERNAL"], Disposition::Failed),
        (&["COMPLETED", "VANISHED", "?"], Disposition::Unknown),
    ] {
        for word in words {
            let text = format!(r#"{{"session":"t","disposition":"{word}"}}"#);
            let cdr = Cdr::read(&body(&text));
            assert_eq!(cdr.disposition, expect, "{word}");
            assert_eq!(cdr.disposition_word.as_deref(), Some(word.trim()));
            assert_eq!(
                cdr.oddities().contains(OddityKind::UnknownWord),
                expect == Disposition::Unknown,
                "{word}"
            );
        }
    }
    assert_eq!(Cdr::read(&body(r#"{"session":"t"}"#)).disposition, Disposition::Unknown);
}

#[test]
fn a_billsec_of_zero_is_real_and_a_nan_is_nothing() {
    for (billsec, expect) in [
        ("0", Some(0)),
        ("\"0\"", Some(0)),
        ("58.7", Some(58)),
        ("\"NaN\"", None),
        ("-1", None),
        ("null", None),
    ] {
        let text = format!(r#"{{"session":"t","disposition":"ANSWER","duration":60,"billsec":{billsec}}}"#);
        let cdr = Cdr::read(&body(&text));
        assert_eq!((cdr.billsec, cdr.duration), (expect, Some(60)), "{billsec}");
    }
}

#[test]
fn the_end_is_computed_only_when_the_platform_does_not_say_it() {
    for (fields, expect) in [
        (r#""timestamp":1703123400,"duration":60"#, Some(1_703_123_460_000)),
        (
            r#""timestamp":1703123400,"session":{"callEndTime":0,"callAnswerTime":null},"duration":60"#,
            Some(1_703_123_460_000),
        ),
        (
            r#""timestamp":1703123400,"session":{"callEndTime":1703123461000},"duration":60"#,
            Some(1_703_123_461_000),
        ),
        (r#""callEndTime":1703123462000"#, Some(1_703_123_462_000)),
        (r#""duration":60"#, None),
        (r#""timestamp":1703123400"#, None),
    ] {
        let text = format!("{{{fields}}}");
        assert_eq!(Cdr::read(&body(&text)).end(), expect.map(Timestamp::from_millis), "{fields}");
    }
}

#[test]
fn two_cdrs_are_copies_only_if_their_bodies_are_equal() {
    let changed = FULL.replace("\"billsec\":58", "\"billsec\":57");
    assert_eq!(Cdr::read(&body(FULL)).event_name(), Cdr::read(&body(FULL)).event_name());
    assert_ne!(Cdr::read(&body(FULL)).event_name(), Cdr::read(&body(&changed)).event_name());
}
