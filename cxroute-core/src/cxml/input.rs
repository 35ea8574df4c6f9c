//! Verbs that take something from the caller: Gather and Record.

use std::borrow::Cow;

use super::attribute::{Action, Language, RecordingCallback, Seconds, Trim};
use super::sink::Sink;
use super::verb::{Pause, Play, Say};

/// What plays while a [`Gather`] listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt<'a> {
    /// Speaks.
    Say(Say<'a>),
    /// Plays audio.
    Play(Play<'a>),
    /// Waits.
    Pause(Pause),
}

impl<'a> From<Say<'a>> for Prompt<'a> {
    fn from(say: Say<'a>) -> Self {
        Self::Say(say)
    }
}

impl<'a> From<Play<'a>> for Prompt<'a> {
    fn from(play: Play<'a>) -> Self {
        Self::Play(play)
    }
}

impl From<Pause> for Prompt<'_> {
    fn from(pause: Pause) -> Self {
        Self::Pause(pause)
    }
}

/// What a [`Gather`] listens for: attribute `input`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GatherInput {
    /// `dtmf`: keys.
    Dtmf,
    /// `speech`.
    Speech,
    /// `dtmf speech`: whichever comes first.
    Both,
}

impl GatherInput {
    /// The words that are written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dtmf => "dtmf",
            Self::Speech => "speech",
            Self::Both => "dtmf speech",
        }
    }
}

/// How much silence ends speech input: attribute `speechTimeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpeechTimeout {
    /// `auto`: the platform decides.
    Auto,
    /// After this much silence.
    After(Seconds),
}

/// Collects keys or speech while its prompts play; the result goes to its action as `Digits` or `SpeechResult`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gather<'a> {
    input: Option<GatherInput>,
    action: Option<Action<'a>>,
    finish_on_key: Option<Cow<'a, str>>,
    digits: Option<u32>,
    timeout: Option<Seconds>,
    speech_timeout: Option<SpeechTimeout>,
    language: Option<Language<'a>>,
    action_on_empty_result: bool,
    prompts: Vec<Prompt<'a>>,
}

impl<'a> Gather<'a> {
    /// Collects keys, with the platform's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a prompt after the others.
    pub fn prompt(mut self, prompt: impl Into<Prompt<'a>>) -> Self {
        self.prompts.push(prompt.into());
        self
    }

    /// Sets what is listened for.
    pub fn input(mut self, input: GatherInput) -> Self {
        self.input = Some(input);
        self
    }

    /// Sets the URL that gets the result.
    pub fn action(mut self, action: Action<'a>) -> Self {
        self.action = Some(action);
        self
    }

    /// Sets the key that ends the input; an empty text means none does.
    pub fn finish_on_key(mut self, key: impl Into<Cow<'a, str>>) -> Self {
        self.finish_on_key = Some(key.into());
        self
    }

    /// Ends the input after this many keys.
    pub fn digits(mut self, digits: u32) -> Self {
        self.digits = Some(digits);
        self
    }

    /// Sets how long it waits for the next key.
    pub fn timeout(mut self, timeout: impl Into<Seconds>) -> Self {
        self.timeout = Some(timeout.into());
        self
    }

    /// Sets how much silence ends speech.
    pub fn speech_timeout(mut self, timeout: SpeechTimeout) -> Self {
        self.speech_timeout = Some(timeout);
        self
    }

    /// Sets the language of speech.
    pub fn language(mut self, language: Language<'a>) -> Self {
        self.language = Some(language);
        self
    }

    /// Asks the action also when nothing was entered.
    pub fn action_on_empty_result(mut self) -> Self {
        self.action_on_empty_result = true;
        self
    }

    pub(super) fn write(&self, sink: &mut Sink) {
        let tag = sink.tag("Gather").optional("input", self.input.map(GatherInput::as_str));
        let tag = Action::write(self.action.as_ref(), tag)
            .optional("finishOnKey", self.finish_on_key.as_deref())
            .number("numDigits", self.digits)
            .number("timeout", self.timeout.map(Seconds::get));
        let tag = match self.speech_timeout {
            Some(SpeechTimeout::Auto) => tag.attr("speechTimeout", "auto"),
            Some(SpeechTimeout::After(span)) => tag.number("speechTimeout", Some(span.get())),
            None => tag,
        }
        .optional("language", self.language.as_ref().map(|language| &*language.0))
        .optional("actionOnEmptyResult", self.action_on_empty_result.then_some("true"));
        if self.prompts.is_empty() {
            return tag.empty();
        }
        let sink = tag.open();
        for prompt in &self.prompts {
            match prompt {
                Prompt::Say(say) => say.write(sink),
                Prompt::Play(play) => play.write(sink),
                Prompt::Pause(pause) => pause.write(sink),
            }
        }
        sink.close("Gather");
    }
}

/// Whether a [`Record`] begins with a beep: attribute `playBeep`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Beep {
    /// `true`.
    Play,
    /// `false`.
    Silent,
}

/// Records the caller; the recording's URL goes to its action as `RecordingUrl`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    action: Option<Action<'a>>,
    timeout: Option<Seconds>,
    max_length: Option<Seconds>,
    finish_on_key: Option<Cow<'a, str>>,
    beep: Option<Beep>,
    callback: Option<RecordingCallback<'a>>,
    trim: Option<Trim>,
}

impl<'a> Record<'a> {
    /// Records with the platform's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the URL that gets the recording.
    pub fn action(mut self, action: Action<'a>) -> Self {
        self.action = Some(action);
        self
    }

    /// Ends the recording after this much silence.
    pub fn timeout(mut self, timeout: impl Into<Seconds>) -> Self {
        self.timeout = Some(timeout.into());
        self
    }

    /// Ends the recording after this time.
    pub fn max_length(mut self, length: impl Into<Seconds>) -> Self {
        self.max_length = Some(length.into());
        self
    }

    /// Sets the keys that end the recording.
    pub fn finish_on_key(mut self, keys: impl Into<Cow<'a, str>>) -> Self {
        self.finish_on_key = Some(keys.into());
        self
    }

    /// Sets whether it begins with a beep.
    pub fn beep(mut self, beep: Beep) -> Self {
        self.beep = Some(beep);
        self
    }

    /// Sets where the recording's events go.
    pub fn recording_callback(mut self, callback: RecordingCallback<'a>) -> Self {
        self.callback = Some(callback);
        self
    }

    /// Sets whether silence is cut.
    pub fn trim(mut self, trim: Trim) -> Self {
        self.trim = Some(trim);
        self
    }

    pub(super) fn write(&self, sink: &mut Sink) {
        let beep = self.beep.map(|beep| match beep {
            Beep::Play => "true",
            Beep::Silent => "false",
        });
        let tag = Action::write(self.action.as_ref(), sink.tag("Record"))
            .number("timeout", self.timeout.map(Seconds::get))
            .number("maxLength", self.max_length.map(Seconds::get))
            .optional("finishOnKey", self.finish_on_key.as_deref())
            .optional("playBeep", beep);
        RecordingCallback::write(self.callback.as_ref(), tag)
            .optional("trim", self.trim.map(Trim::as_str))
            .empty();
    }
}
