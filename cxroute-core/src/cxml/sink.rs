//! The way of a document into a `String`: a thin layer over quick-xml's writer that feeds it events built in
//! one reused buffer, so that a whole document costs two allocations.

use std::borrow::Cow;
use std::fmt::Write as _;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::credential::Credential;
use super::escape::{Place, is_plain, push_escaped};
use super::redact::{MASK, is_secret_name, redact_cxml};

/// Bytes of a usual document (a `Dial` with an action URL and a `Service`) with room to spare.
const DOCUMENT: usize = 768;
/// Bytes of a usual start tag.
const TAG: usize = 384;

/// Whether credentials are written or masked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Written: the document goes to Cloudonix.
    Shown,
    /// Replaced by [`MASK`], also within texts: the document goes to a log, a trace or a screen, and is still one.
    Masked,
}

/// A document being written.
pub(super) struct Sink {
    writer: Writer<Vec<u8>>,
    scratch: String,
    credentials: Credentials,
}

impl Sink {
    pub(super) fn new(credentials: Credentials) -> Self {
        let mut sink = Self {
            writer: Writer::new(Vec::with_capacity(DOCUMENT)),
            scratch: String::with_capacity(TAG),
            credentials,
        };
        let declaration = BytesStart::from_content(r#"xml version="1.0" encoding="UTF-8""#, "xml".len());
        emit(&mut sink.writer, Event::Decl(BytesDecl::from_start(declaration)));
        sink
    }

    /// Begins a start tag; nothing is written until it is finished.
    pub(super) fn tag(&mut self, name: &'static str) -> Tag<'_> {
        self.scratch.clear();
        self.scratch.push_str(name);
        Tag { sink: self, name }
    }

    /// Closes an element that [`Tag::open`] opened.
    pub(super) fn close(&mut self, name: &'static str) {
        emit(&mut self.writer, Event::End(BytesEnd::new(name)));
    }

    pub(super) fn finish(self) -> String {
        // Every piece came from a `str`, so the conversion never copies.
        String::from_utf8(self.writer.into_inner())
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// A text as it is written: without the secrets in it if the document is to be shown.
    fn shown<'v>(&self, text: &'v str) -> Cow<'v, str> {
        match self.credentials {
            Credentials::Shown => Cow::Borrowed(text),
            Credentials::Masked => redact_cxml(text),
        }
    }

    fn content(&mut self, text: &str) {
        let text = &*self.shown(text);
        let text = text.trim_matches(['\t', '\n', '\r', ' ']);
        if is_plain(text, Place::Content) {
            emit(&mut self.writer, Event::Text(BytesText::from_escaped(text)));
        } else {
            self.scratch.clear();
            push_escaped(&mut self.scratch, text, Place::Content);
            emit(&mut self.writer, Event::Text(BytesText::from_escaped(self.scratch.as_str())));
        }
    }
}

/// Writing to a `Vec` cannot fail, so there is no error to hand on.
fn emit(writer: &mut Writer<Vec<u8>>, event: Event<'_>) {
    let _infallible = writer.write_event(event);
}

/// A start tag being written.
pub(super) struct Tag<'s> {
    sink: &'s mut Sink,
    name: &'static str,
}

impl<'s> Tag<'s> {
    /// Adds an attribute.
    pub(super) fn attr(self, name: &'static str, value: &str) -> Self {
        let value = &*self.sink.shown(value);
        let scratch = &mut self.sink.scratch;
        scratch.push(' ');
        scratch.push_str(name);
        scratch.push_str("=\"");
        push_escaped(scratch, value, Place::Attribute);
        scratch.push('"');
        self
    }

    /// Adds an attribute if there is a value.
    pub(super) fn optional(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Adds a numeric attribute if there is a value.
    pub(super) fn number(self, name: &'static str, value: Option<u32>) -> Self {
        if let Some(value) = value {
            // Writing to a `String` cannot fail.
            let _infallible = write!(self.sink.scratch, " {name}=\"{value}\"");
        }
        self
    }

    /// Adds a credential if there is one, masked if the document is to be shown.
    pub(super) fn secret(self, name: &'static str, value: Option<&Credential<'_>>) -> Self {
        match (value, self.sink.credentials) {
            (Some(value), Credentials::Shown) => self.attr(name, value.expose()),
            (Some(_), Credentials::Masked) => self.attr(name, MASK),
            (None, _) => self,
        }
    }

    /// Adds the attributes `name` and `value`; the value is a credential if the name is a secret's.
    pub(super) fn pair(self, name: &str, value: &str) -> Self {
        let is_masked = self.sink.credentials == Credentials::Masked && is_secret_name(name);
        self.attr("name", name).attr("value", if is_masked { MASK } else { value })
    }

    /// Writes the tag as an empty element.
    pub(super) fn empty(self) {
        let start = BytesStart::from_content(self.sink.scratch.as_str(), self.name.len());
        emit(&mut self.sink.writer, Event::Empty(start));
    }

    /// Writes the tag as the start of an element with children; [`Sink::close`] ends it.
    pub(super) fn open(self) -> &'s mut Sink {
        let start = BytesStart::from_content(self.sink.scratch.as_str(), self.name.len());
        emit(&mut self.sink.writer, Event::Start(start));
        self.sink
    }

    /// Writes the whole element with `text` as its content, without white space around it.
    pub(super) fn text(self, text: &str) {
        let name = self.name;
        let sink = self.open();
        sink.content(text);
        sink.close(name);
    }
}
