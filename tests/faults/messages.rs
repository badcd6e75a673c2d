//! Files that are refused: one message for one cause.
