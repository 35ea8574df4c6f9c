//! The server over a real socket: what Cloudonix sends, what it is answered, and what nobody should ever send.

mod auth;
mod client;
mod desk;
mod faulty;
mod life;
mod odd;
mod shapes;
mod sizes;
mod store_away;
mod together;
