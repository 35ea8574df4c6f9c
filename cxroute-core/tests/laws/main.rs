//! The laws of core's heart: the strategies and the lifecycle, tried against the domain rules by random sequences and
//! by tables, from outside, through the public interface only.

#[cfg(test)]
mod adopted;
#[cfg(test)]
mod books;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod dice;
#[cfg(test)]
mod health;
#[cfg(test)]
mod lessons;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod section5;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod shares;
#[cfg(test)]
mod spools;
#[cfg(test)]
mod strategies;
#[cfg(test)]
mod told;
#[cfg(test)]
mod windows;
#[cfg(test)]
mod words;
#[cfg(test)]
mod world;
