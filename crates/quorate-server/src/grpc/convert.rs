//! Between the wire's messages and the core's types: requests are read where they arrived, answers written once into
//! the buffer that is sent. No decision, no clock. The messages are those of `proto/`; tests hold every field against
//! prost, which reads and writes the same.

mod answer;
mod request;

pub(crate) use answer::{Rendering, write_answer, write_overloaded, write_unavailable};
pub(crate) use request::{Asked, AskedBatch, Lists, read_streamed};

#[cfg(test)]
mod tests;
