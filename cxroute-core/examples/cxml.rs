//! Render CXML: a dial to an agent with a fall-back announcement, always well-formed whatever the text.

#![expect(clippy::print_stdout, reason = "the example shows the documents")]

use cxroute_core::cxml::{Action, Dial, Hangup, Response, Say, Seconds, Service};

fn main() {
    let action =
        Action::post("https://cx.example.com/api/voice/dial/example.cloudonix.net?attempt=1&agent=7");
    let service = Service::new("vapi", "+12127773456").username("me").password("secret & <odd>");
    let dial = Dial::new(service).caller_id("+15551230000").action(action).timeout(Seconds::new(20));
    let response = Response::new(dial).then(Say::new("Nobody is here < try again later.")).then(Hangup);
    println!("{}", response.render());
    println!("{}", response.masked());
}
