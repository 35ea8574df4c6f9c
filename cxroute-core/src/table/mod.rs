//! The compiled rule tables: from a dialled number to the rule it takes.
//!
//! | module | keeps | look-up |
//! |---|---|---|
//! | `numbers`, `block`, `literal` | exact and prefix patterns of up to 15 digits | digit by digit, then one slot |
//! | `names` | other literals: names, `*72`, longer numbers | radix tree over bytes |
//! | `classes` | patterns with classes or `?` | best first, sieved by bitmaps |
//! | `rules` | those together, countries and `*`: [`RuleTable`] | the best of each |
//! | `outbound` | pairs of patterns: [`OutboundTable`] | destination first, then caller |

mod block;
mod classes;
mod found;
mod literal;
mod names;
mod numbers;
mod outbound;
mod ranked;
mod rules;
#[cfg(test)]
mod tests;

pub use self::found::{Match, Matches};
pub use self::outbound::{OutboundMatch, OutboundRule, OutboundTable};
pub use self::rules::{Rule, RuleTable};
