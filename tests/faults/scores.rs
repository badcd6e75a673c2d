//! Scores that must not flatter.
