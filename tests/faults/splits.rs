//! Splits by time, by group, and repeated rows.
