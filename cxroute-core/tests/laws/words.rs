//! The words of tables, APIs and stored documents: other people's queries and screens rely on them, so each is spelt out
//! here, and is the same wherever it is written.

use cxroute_core::call::{CallEventKind, CallState, Effect, EndReason, EventKind, Outcome, RecordStatus};
use cxroute_core::config::{RuleDirection, Strategy};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn spelt<T: Serialize + DeserializeOwned>(word_of: fn(T) -> &'static str, words: &str) {
    for word in words.split(' ') {
        let quoted = Value::String(word.to_owned());
        let value: T = serde_json::from_value(quoted.clone()).unwrap();
        assert_eq!(serde_json::to_value(&value).unwrap(), quoted);
        assert_eq!(word_of(value), word);
    }
    let others = serde_json::from_value::<T>(Value::String("?".to_owned())).err().unwrap().to_string();
    assert_eq!(
        others.matches('`').count() / 2,
        words.split(' ').count() + 1,
        "a word is missing here: {others}"
    );
}

#[test]
fn words_are_the_same_in_tables_and_documents() {
    spelt(CallState::as_str, "received queued routing connecting connected completed failed busy no_answer");
    spelt(RecordStatus::as_str, "queued ringing in_progress completed busy failed no_answer");
    spelt(Outcome::as_str, "completed busy no_answer failed");
    spelt(EndReason::as_str, "no_route no_agent attempts_failed announcement rejected hangup session_ended");
    spelt(Effect::as_str, "entered recorded stale refused corrected");
    spelt(
        CallEventKind::as_str,
        "call_queued call_started call_routed call_connected call_completed call_failed",
    );
    spelt(EventKind::as_str, "voice_request dial_result session_update cdr");
    spelt(Strategy::as_str, "load_balanced priority round_robin");
    spelt(RuleDirection::as_str, "inbound outbound");
}

#[test]
fn a_state_is_read_back_from_its_word() {
    for state in CallState::ALL {
        assert_eq!(CallState::parse(state.as_str()), Some(state));
    }
    assert_eq!(CallState::parse("Completed"), None);
}
