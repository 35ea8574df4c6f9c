//! What a call is told when its deadline has passed before its decision was made.
//!
//! The decision goes on and will be durable, so the best for the caller is to be asked for again: `<Redirect>` brings the
//! platform back with another stage of the same session, which gets what was decided by then (an open attempt is
//! repeated, never chosen anew). After three such rounds the server is in no state to help, and the call is hung up. A
//! redirected dial result no longer says what became of its attempt and counts as a failed one; so only results that are
//! not `completed` are asked for again, and a conversation that has ended stays ended.

use cxroute_core::cloudonix::{DialOutcome, DialResult, Webhook};
use cxroute_core::cxml::{Method, Redirect, Response};

use super::target::Endpoint;

/// The parameter that counts the rounds.
const ROUND: &str = "cxroute_round";
/// So often a call is sent round.
const MOST_ROUNDS: u32 = 3;

/// The document for a call whose deadline has passed.
pub(super) fn document(endpoint: Endpoint, public_url: &str, webhook: &Webhook<'_>) -> String {
    let round = round_of(webhook.query) + 1;
    let is_over = endpoint == Endpoint::Dial && DialResult::read(webhook).outcome == DialOutcome::Completed;
    if is_over || round > MOST_ROUNDS {
        return Response::hangup().render();
    }
    Response::new(Redirect::new(Method::Post, again(public_url, webhook, round))).render()
}

fn round_of(query: &str) -> u32 {
    let rounds = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == ROUND);
    rounds.filter_map(|(_, round)| round.parse().ok()).max().unwrap_or(0)
}

/// The same URL, one round further.
fn again(public_url: &str, webhook: &Webhook<'_>, round: u32) -> String {
    let mut url = format!("{public_url}{}?", webhook.path);
    let kept = webhook.query.split('&').filter(|part| !part.is_empty() && !part.starts_with(ROUND));
    for part in kept {
        url.push_str(part);
        url.push('&');
    }
    url.push_str(&format!("{ROUND}={round}"));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANGUP: &str = "<Hangup/>";

    fn webhook<'a>(query: &'a str, body: &'a str) -> Webhook<'a> {
        Webhook { path: "/api/voice/x", query, ..Webhook::of(body) }
    }

    #[test]
    fn a_late_call_is_sent_round_three_times_and_then_hung_up() {
        let mut query = "their=own".to_owned();
        for round in 1..=3 {
            let document = document(Endpoint::Voice, "https://cx", &webhook(&query, "{}"));
            query = format!("their=own&{ROUND}={round}");
            let url = format!("https://cx/api/voice/x?{}", query.replace('&', "&amp;"));
            assert!(document.contains(&format!("<Redirect method=\"POST\">{url}</Redirect>")), "{document}");
        }
        assert!(document(Endpoint::Voice, "https://cx", &webhook(&query, "{}")).contains(HANGUP));
        let hostile = format!("{ROUND}=x&{ROUND}=99999999999&{ROUND}=4");
        assert!(document(Endpoint::Voice, "https://cx", &webhook(&hostile, "{}")).contains(HANGUP));
    }

    #[test]
    fn a_late_result_is_asked_for_again_unless_the_conversation_is_over() {
        let query = "session=s&attempt=1";
        let of = |word: &str| {
            let body = format!(r#"{{"Session":"s","DialCallStatus":"{word}"}}"#);
            document(Endpoint::Dial, "", &webhook(query, &body))
        };
        assert!(of("busy").contains("?session=s&amp;attempt=1&amp;cxroute_round=1"));
        assert!(of("completed").contains(HANGUP) && of("answered").contains(HANGUP));
    }
}
