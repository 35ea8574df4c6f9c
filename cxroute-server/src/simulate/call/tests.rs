//! The state machine, fed with CXML by hand.

use serde_json::Value;

use super::*;
use crate::simulate::cxml;
use crate::simulate::options::SimulateOptions;
use crate::simulate::outcome::Outcome;
use crate::simulate::share::Share;

const DIAL: &str =
    r#"<Dial action="/d?a=1" timeout="20"><Service provider="vapi">+12125550100</Service></Dial>"#;

fn call_with(change: impl FnOnce(&mut SimulateOptions)) -> Call {
    let mut options = SimulateOptions::new("name.cloudonix.net", "http://127.0.0.1:1".parse().unwrap());
    (options.busy, options.no_answer, options.cdr_first) = (Share::NONE, Share::NONE, Share::NONE);
    change(&mut options);
    Call::new(Arc::new(Script::new(&options, 5).unwrap()), 0, 1_767_268_800_000)
}

fn all() -> Share {
    "100%".parse().unwrap()
}

/// Plays a call to its end; the n-th stage gets the n-th answer, and later ones none.
fn play(mut call: Call, answers: &[&str]) -> (Vec<Webhook>, Ledger) {
    let (mut sent, mut answers) = (Vec::new(), answers.iter());
    while let Some(step) = call.next() {
        match step {
            Step::Pass(_) => {}
            Step::Tell(webhook) => sent.push(webhook),
            Step::Ask(webhook) => {
                sent.push(webhook);
                call.answered(answers.next().map(|verbs| page(verbs)));
            }
        }
        assert!(sent.len() < 1_000, "the call has no end");
    }
    (sent, call.into_ledger())
}

fn page(verbs: &str) -> Page {
    let source = format!("<Response>{verbs}</Response>");
    Page { verbs: cxml::read(source.as_bytes()).verbs, source }
}

fn story(sent: &[Webhook]) -> Vec<&'static str> {
    sent.iter().map(|webhook| webhook.what).collect()
}

fn body(webhook: &Webhook) -> Value {
    match serde_json::from_slice(&webhook.body).unwrap() {
        Value::Array(mut list) => list.remove(0),
        value => value,
    }
}

#[test]
fn an_answered_dial_is_told_step_by_step() {
    let (sent, ledger) = play(call_with(|_| {}), &[DIAL, "<Hangup/>"]);
    let kinds: Vec<Kind> = sent.iter().map(|webhook| webhook.kind).collect();
    assert_eq!(
        story(&sent)[..7],
        ["new", "processing", "first", "processing", "ringing", "connected", "answer"]
    );
    assert_eq!(kinds[7], Kind::Dial);
    assert_eq!(sent[7].target, "/d?a=1");
    assert_eq!(kinds.last(), Some(&Kind::Cdr));
    assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Update).count(), 10);
    assert_eq!((ledger.status, ledger.attempts[0].outcome), ("completed", Some(Outcome::Completed)));
    assert_eq!(ledger.faults, []);
}

#[test]
fn only_the_last_update_of_a_failing_over_call_has_an_end_time() {
    let other = DIAL.replace("0100", "0200");
    let (sent, ledger) = play(call_with(|options| options.busy = all()), &[DIAL, &other, "<Hangup/>"]);
    let ends: Vec<bool> = sent
        .iter()
        .filter(|webhook| webhook.kind == Kind::Update)
        .map(|webhook| body(webhook)["callEndTime"] != 0)
        .collect();
    assert_eq!(ends.iter().filter(|end| **end).count(), 1);
    assert_eq!(ends.last(), Some(&true));
    assert_eq!((ledger.status, ledger.attempts.len()), ("busy", 2));
    assert_eq!((ledger.disposition, &ledger.faults[..]), ("BUSY", &[][..]));
}

#[test]
fn every_update_has_its_own_time_in_order() {
    let (sent, _) = play(call_with(|options| options.failed = all()), &[DIAL, "<Hangup/>"]);
    let updates = sent.iter().filter(|webhook| webhook.kind == Kind::Update);
    let times: Vec<String> = updates.map(|webhook| body(webhook)["modifiedAt"].to_string()).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
}

#[test]
fn the_final_status_follows_from_what_the_caller_met() {
    let say = "<Say>Nobody is there</Say>";
    type Change = fn(&mut SimulateOptions);
    let cases: [(Change, &[&str], &str); 11] = [
        (|_| {}, &[DIAL, "<Hangup/>"], "completed"),
        (|_| {}, &["<Hangup/>"], "failed"),
        (|_| {}, &[""], "failed"),
        (|_| {}, &[], "failed"),
        (|_| {}, &["<Reject reason=\"busy\"/>"], "busy"),
        (|_| {}, &["<Reject/>"], "failed"),
        (|_| {}, &[say], "failed"),
        (|options| options.no_answer = all(), &[DIAL, "<Hangup/>"], "no_answer"),
        (|options| options.no_answer = all(), &[DIAL, say], "failed"),
        (|options| options.failed = all(), &[DIAL], "failed"),
        (|options| options.canceled = all(), &[DIAL, DIAL], "no_answer"),
    ];
    for (change, answers, status) in cases {
        let (sent, ledger) = play(call_with(change), answers);
        assert_eq!(ledger.status, status, "{answers:?}");
        let spoken = answers.iter().any(|answer| answer.contains("Say"));
        let cdr = body(sent.last().unwrap());
        assert_eq!(cdr["billsec"].as_i64().unwrap() > 0, spoken || status == "completed", "{answers:?}");
    }
}

#[test]
fn a_caller_who_hung_up_hears_nothing_more() {
    let other = DIAL.replace("0100", "0200");
    let (sent, ledger) = play(call_with(|options| options.canceled = all()), &[DIAL, &other]);
    let outcomes: Vec<_> = ledger.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Canceled), None]);
    assert_eq!(sent.iter().filter(|webhook| webhook.kind == Kind::Dial).count(), 1);
    assert_eq!(ledger.faults, []);
}

#[test]
fn a_cdr_can_come_before_the_dial_result_and_comes_once() {
    let (sent, ledger) = play(call_with(|options| options.cdr_first = all()), &[DIAL, "<Hangup/>"]);
    let at = |kind| sent.iter().position(|webhook| webhook.kind == kind).unwrap();
    assert!(at(Kind::Cdr) < at(Kind::Dial));
    assert_eq!(sent.iter().filter(|webhook| webhook.kind == Kind::Cdr).count(), 1);
    assert_eq!((ledger.status, &ledger.faults[..]), ("completed", &[][..]));
}

#[test]
fn a_dial_without_action_goes_on_with_the_next_verb() {
    let bare = DIAL.replace(" action=\"/d?a=1\"", "");
    let both = format!("{bare}{}", DIAL.replace("0100", "0200"));
    let (sent, ledger) = play(call_with(|options| options.busy = all()), &[&both, "<Hangup/>"]);
    assert!(ledger.notes[0].contains("without action"), "{:?}", ledger.notes);
    assert_eq!(ledger.attempts.iter().filter(|attempt| attempt.outcome.is_some()).count(), 2);
    assert_eq!(sent.iter().filter(|webhook| webhook.kind == Kind::Dial).count(), 1);
}

#[test]
fn verbs_behind_a_dial_with_action_are_never_reached() {
    let both = format!("{DIAL}<Redirect>/never</Redirect>");
    let (sent, _) = play(call_with(|_| {}), &[&both, "<Hangup/>"]);
    assert!(sent.iter().all(|webhook| webhook.target != "/never"));
}

#[test]
fn gather_record_and_redirect_are_stages_of_their_own() {
    let answers = [
        "<Gather action=\"next?g=1\"><Say>x</Say></Gather>",
        "<Record/>",
        "<Redirect method=\"GET\">/again?r=1</Redirect>",
        "<Connect><Stream url=\"wss://a.example/s\"/></Connect><Pause length=\"40\"/>",
    ];
    let (sent, ledger) = play(call_with(|_| {}), &answers);
    let asked: Vec<&Webhook> = sent.iter().filter(|webhook| webhook.kind.asks()).collect();
    let story: Vec<_> = asked.iter().map(|webhook| webhook.what).collect();
    assert_eq!(story, ["first", "digits", "recording", "redirect"]);
    assert_eq!(asked[1].target, "/api/voice/application/next?g=1");
    assert_eq!(asked[2].target, "/api/voice/application/next?g=1", "no action: the document's own URL");
    assert_eq!(asked[3].method, Method::GET);
    assert!(asked[3].target.starts_with("/again?r=1&") && asked[3].body.is_empty());
    let stages: std::collections::HashSet<_> = asked.iter().map(|webhook| &webhook.stage).collect();
    assert_eq!(stages.len(), 4);
    assert_eq!((ledger.status, ledger.attempts[0].targets[0].noun), ("completed", "stream"));
}

#[test]
fn faults_of_the_course_are_found() {
    use ViolationKind as K;
    type Change = fn(&mut SimulateOptions);
    let cases: [(Change, &[&str], K); 5] = [
        (|options| options.busy = all(), &[DIAL, DIAL, "<Hangup/>"], K::AgentRepeated),
        (|_| {}, &[DIAL, "<Dial>1</Dial>"], K::DialAfterEnd),
        (|options| options.cdr_first = all(), &[DIAL, "<Dial>1</Dial>"], K::DialAfterEnd),
        (|_| {}, &["<Redirect>http://a b/</Redirect>"], K::BadUrl),
        (
            |options| options.max_stages = 2,
            &["<Redirect>/a</Redirect>", "<Redirect>/b</Redirect>"],
            K::TooManyStages,
        ),
    ];
    for (change, answers, kind) in cases {
        let (sent, ledger) = play(call_with(change), answers);
        let found: Vec<K> = ledger.faults.iter().map(|fault| fault.kind).collect();
        assert_eq!(found, [kind], "{answers:?}");
        let cdrs = sent.iter().filter(|webhook| webhook.kind == Kind::Cdr).count();
        assert_eq!(cdrs, 1, "a call always has its CDR");
    }
}

#[test]
fn a_number_may_be_dialled_twice_and_the_same_value_at_another_provider_too() {
    let number = "<Dial action=\"/d\"><Number>3000</Number></Dial>";
    let other = DIAL.replace("vapi", "retell");
    let (_, ledger) =
        play(call_with(|options| options.busy = all()), &[number, number, DIAL, &other, "<Hangup/>"]);
    assert_eq!((ledger.attempts.len(), &ledger.faults[..]), (4, &[][..]));
}

#[test]
fn another_host_in_an_action_is_noted_and_its_path_kept() {
    let elsewhere = DIAL.replace("\"/d?a=1\"", "\"https://cx.example/x/d?a=1&amp;b=%20\"");
    let (sent, ledger) = play(call_with(|_| {}), &[&elsewhere, "<Hangup/>"]);
    assert!(ledger.notes[0].starts_with("CXML named https://cx.example:"), "{:?}", ledger.notes);
    assert!(sent.iter().any(|webhook| webhook.target == "/x/d?a=1&b=%20"));
}
