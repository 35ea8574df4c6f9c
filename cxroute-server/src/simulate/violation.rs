//! What a platform may expect of a voice application server, and how a server can fail to do it.

use serde::Serialize;

/// A kind of violation; its serialised name is what reports and scripts use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationKind {
    /// No answer at all: the connection failed, broke, or the time was over.
    NoAnswer,
    /// An answer with a status of 500 or more.
    ServerError,
    /// An answer that redirects: webhooks are not followed elsewhere.
    RedirectAnswer,
    /// A URL that the server's own CXML named answers 404, 405 or 410.
    NoHandler,
    /// Any other status than 200.
    Status,
    /// A voice request or dial result was answered after its deadline.
    Deadline,
    /// The content type is not the one of the answer's kind.
    ContentType,
    /// The answer's body is larger than a platform reads.
    TooLarge,
    /// The answer is not well-formed XML in UTF-8.
    NotXml,
    /// The document's element is not `<Response>`.
    NotResponse,
    /// An element that is not CXML, or not in this place.
    UnknownVerb,
    /// An attribute that the element does not have.
    UnknownAttribute,
    /// An attribute's value that it cannot have.
    AttributeValue,
    /// White space around text content.
    WhiteSpace,
    /// Text where only elements may stand.
    StrayText,
    /// A verb or noun without what it must name: the number, the agent, the URL.
    MissingTarget,
    /// An action or redirect that is not a URL.
    BadUrl,
    /// Two copies of one voice request or dial result were answered with different bytes.
    CopiesDiffer,
    /// A copy of an acknowledged session update or CDR was not answered `{"status":"duplicate"}`.
    DuplicateNotRecognised,
    /// A session update or CDR that was sent for the first time was called a duplicate.
    FalseDuplicate,
    /// An agent that this call has tried before is dialled again.
    AgentRepeated,
    /// A dial in answer to a dial result after which there is nothing to dial for.
    DialAfterEnd,
    /// More stages than any call needs: a loop.
    TooManyStages,
}

impl ViolationKind {
    /// Every kind, in the order of reports.
    pub const ALL: [Self; 23] = [
        Self::NoAnswer,
        Self::ServerError,
        Self::RedirectAnswer,
        Self::NoHandler,
        Self::Status,
        Self::Deadline,
        Self::ContentType,
        Self::TooLarge,
        Self::NotXml,
        Self::NotResponse,
        Self::UnknownVerb,
        Self::UnknownAttribute,
        Self::AttributeValue,
        Self::WhiteSpace,
        Self::StrayText,
        Self::MissingTarget,
        Self::BadUrl,
        Self::CopiesDiffer,
        Self::DuplicateNotRecognised,
        Self::FalseDuplicate,
        Self::AgentRepeated,
        Self::DialAfterEnd,
        Self::TooManyStages,
    ];

    /// What a platform expected instead, in a few words.
    pub fn expectation(self) -> &'static str {
        match self {
            Self::NoAnswer => "every webhook gets an answer",
            Self::ServerError => "no webhook gets a status of 500 or more",
            Self::RedirectAnswer => "no webhook is answered with a redirect",
            Self::NoHandler => "every URL that CXML names has a handler",
            Self::Status => "every webhook is answered with 200",
            Self::Deadline => "voice requests and dial results are answered within the deadline",
            Self::ContentType => "CXML is application/xml, JSON is application/json",
            Self::TooLarge => "an answer has at most 64 KiB",
            Self::NotXml => "the answer is well-formed XML in UTF-8",
            Self::NotResponse => "the document's element is <Response>",
            Self::UnknownVerb => "every element is CXML and in its place",
            Self::UnknownAttribute => "every attribute belongs to its element",
            Self::AttributeValue => "every attribute has a value of its kind",
            Self::WhiteSpace => "text content has no white space around it",
            Self::StrayText => "text stands only where CXML has text",
            Self::MissingTarget => "a dial names whom, a play names what, a redirect names where",
            Self::BadUrl => "an action is a URL",
            Self::CopiesDiffer => "copies of one webhook get the same bytes",
            Self::DuplicateNotRecognised => {
                "a copy of an acknowledged update or CDR gets {\"status\":\"duplicate\"}"
            }
            Self::FalseDuplicate => "only copies are called duplicates",
            Self::AgentRepeated => "a call tries an agent once",
            Self::DialAfterEnd => "nobody is dialled after an answered dial or the end of the call",
            Self::TooManyStages => "a call comes to an end",
        }
    }
}

/// One violation: its kind and what was seen. The detail never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The kind.
    pub kind: ViolationKind,
    /// What was seen, and where.
    pub detail: String,
}

impl Violation {
    pub(super) fn new(kind: ViolationKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}
