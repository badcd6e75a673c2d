//! Small dense algebra in 64-bit floats: what turns a Gramian of a few tasks into weights.

pub mod cone;
pub mod eigen;
pub mod fair;
pub mod matrix;
pub mod program;
pub mod simplex;

pub use matrix::Matrix;
