//! Both ways of the conversion, held against prost.

mod answers;
mod requests;
