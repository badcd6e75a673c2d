//! Numbers whose digits do not fit into 32 bits.
