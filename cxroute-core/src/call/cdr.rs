//! What a CDR says of a call (FACTS §5), in the lifecycle's own words.

use compact_str::CompactString;

use serde::{Deserialize, Serialize};

use super::aggregate::{CdrFigures, Outcome};
use crate::id::CallId;

/// A call detail record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CdrReport {
    /// What its disposition means; none for a word we do not know.
    pub outcome: Option<Outcome>,
    /// The figures.
    pub figures: CdrFigures,
    /// What a record is made of when the call is unknown: its id, and the parties.
    pub id: CallId,
    /// The caller.
    pub from: CompactString,
    /// The dialled number.
    pub to: CompactString,
}
