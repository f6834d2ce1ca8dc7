//! What is written is what is read, what is damaged is not, and no restart frees anything early.

mod format;
mod laws;
mod life;
mod steps;
