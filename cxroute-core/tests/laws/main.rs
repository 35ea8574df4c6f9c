//! The laws of core's heart: the strategies and the lifecycle, tried against the domain rules by random sequences and
//! by tables, from outside, through the public interface only.

mod calls;
mod dice;
mod health;
mod lessons;
mod lifecycle;
mod oracle;
mod section5;
mod shares;
mod strategies;
mod world;
