//! Targets: one or several label columns, fitted on training rows.
