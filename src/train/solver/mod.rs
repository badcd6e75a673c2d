//! Small dense linear algebra and optimization in 64-bit floats, from the Gramian of a few tasks to weights.

pub mod cone;
pub mod eigen;
pub mod fair;
pub mod matrix;
pub mod program;
pub mod simplex;

pub use matrix::Matrix;
